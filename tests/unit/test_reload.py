"""What a configuration that is read again may change, how it is told how it stands, and that no bug ends the reading."""

import asyncio
import logging
import time
import tomllib
from pathlib import Path

import pytest

from proxy.assemble import NotUsableError
from proxy.metrics import CONFIG_LOAD
from proxy.reload import Reloader, Source, Standing, keep_fixed
from proxy.settings import Settings
from proxy.settings_net import read_address
from proxy.worker import handed
from tests.support.configs import of, written
from tests.support.waiting import wait_until

SITE = """
[sites.shop]
origins = ["https://shop.example"]
"""
SECRET = "a secret that must not be seen"


def settings(text: str = "") -> Settings:
    """Return settings with one site."""
    return of(tomllib.loads(text + SITE))


FIXED = {
    "server.listen": '[server]\nlisten = "127.0.0.1:1"',
    "server.admin_listen": '[server]\nadmin_listen = "127.0.0.1:1"',
    "server.data_dir": '[server]\ndata_dir = "elsewhere"',
    "server.id_key": '[server]\nid_key = "another one"',
    "store.url": '[store]\nurl = "redis://127.0.0.1:1"',
    "store.durability": '[store]\ndurability = "everysec"',
    "store.partitions": "[store]\npartitions = 2",
}


class TestWhatWaits:
    @pytest.mark.parametrize("key", FIXED)
    def test_a_key_that_is_fixed_keeps_its_value_and_is_named(self, key: str) -> None:
        """And nothing else."""
        running = settings()
        kept, waiting = keep_fixed(running, settings(FIXED[key]))
        assert waiting == (key,)
        assert kept == running

    def test_the_rest_takes_effect(self) -> None:
        """Also in the same tables, and where something waits."""
        running = settings()
        new = '[server]\nlisten = "127.0.0.1:1"\nworkers = 3\nrate_limit_per_minute = 7\n[delivery]\nin_flight = 9'
        kept, waiting = keep_fixed(running, settings(new))
        assert waiting == ("server.listen",)
        assert kept.server.listen == running.server.listen
        assert (kept.server.workers, kept.server.rate_limit_per_minute, kept.delivery.in_flight) == (3, 7, 9)

    def test_what_is_as_it_was_does_not_wait(self) -> None:
        """A secret is compared by its value, and never shown."""
        both = f'[server]\nid_key = "{SECRET}"'
        kept, waiting = keep_fixed(settings(both), settings(both))
        assert waiting == ()
        assert kept == settings(both)
        assert SECRET not in repr(kept)

    def test_the_command_line_stays_said(self, tmp_path: Path) -> None:
        """It is said instead of the file's keys at every reading."""
        address = read_address("127.0.0.1:7")
        source = Source(written(tmp_path, "[server]\nworkers = 2" + SITE), {"workers": 5, "listen": address})
        for _ in range(2):
            found = source.load()
            assert (found.server.workers, found.server.listen) == (5, address)


class TestHowItStands:
    async def test_a_right_one_is_ready(self) -> None:
        """Without a word."""
        (part,) = (await Standing().part()).values()
        assert (part.status, part.words) == ("ready", "")
        assert CONFIG_LOAD.successful

    async def test_a_wrong_one_says_what_is_wrong_and_what_runs(self) -> None:
        """Times of day; of another day, with the date. A long problem is cut, the log has all of it."""
        now = time.time()
        standing = Standing(read_at=now - 10 * 86_400)
        standing.wrong(now, ["sites.shop.hosts: " + "x" * 500, "another"])
        (part,) = (await standing.part()).values()
        assert part.status == "degraded"
        assert (
            f"the file of {time.strftime('%H:%M UTC', time.gmtime(now))} is wrong (2 problems: sites.shop"
            in part.words
        )
        assert part.words.endswith(
            f"running the one of {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime(now - 10 * 86_400))}"
        )
        assert len(part.words) < 400
        assert not CONFIG_LOAD.successful
        assert CONFIG_LOAD.at == standing.read_at
        standing.right(now, ("store.url",))
        (part,) = (await standing.part()).values()
        assert (part.status, part.words) == ("ready", "takes effect at the next start: store.url")
        assert CONFIG_LOAD.successful
        assert CONFIG_LOAD.at == now


class _Use:
    """Stands in for the making of a configuration run."""

    def __init__(self) -> None:
        self.used: list[Settings] = []
        self.errors: list[Exception] = []

    async def __call__(self, settings: Settings) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.used.append(settings)


class TestReading:
    async def test_what_cannot_run_and_even_a_bug_are_told_and_the_next_one_is_read(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A problem is one line, without what stands in the file; reading goes on after all of them."""
        caplog.set_level(logging.INFO)
        file = written(tmp_path, SITE)
        asked, use = asyncio.Event(), _Use()
        reloader = Reloader(Source(file), settings(), use, asked)
        reloader.start()
        use.errors = [NotUsableError("no worker\nstarted"), ZeroDivisionError(SECRET)]
        for words in ("no worker started", "reading it failed inside"):
            asked.set()
            await wait_until(lambda words=words: words in caplog.text, what=words)  # type: ignore[misc]  # mypy cannot infer it
            (part,) = (await reloader.standing.part()).values()
            assert part.status == "degraded"
        file.write_text("sites = 3", encoding="utf-8")
        asked.set()
        await wait_until(lambda: "not a table" in caplog.text or "sites" in caplog.text, what="a problem")
        assert use.used == []
        written(tmp_path, SITE + 'hosts = ["shop.example"]')
        asked.set()
        await wait_until(lambda: len(use.used) == 1, what="settings in use")
        (part,) = (await reloader.standing.part()).values()
        assert part.status == "ready"
        await reloader.stop()
        assert SECRET not in caplog.text


class TestHandingOver:
    def test_what_cannot_be_handed_to_another_process_is_one_line(self) -> None:
        """A forwarder from outside may hold anything."""

        class Odd(Settings):
            """A class that no other process can import."""

        with pytest.raises(NotUsableError, match="cannot be handed"):
            handed(Odd.model_construct(**dict(settings())), "unix:///s")
