"""A configuration that is wrong when it is read again: nothing changes, every problem is told, and the next one counts."""

from collections.abc import Callable
from pathlib import Path

import aiohttp

from proxy.twin.app import RunningTwin
from tests.support.processes import Sayso, config, kill
from tests.support.reloading import (
    TOKEN,
    Crowd,
    health,
    meta_shop,
    refuse,
    reload,
    write_token,
)
from tests.support.serving import SERVE, buy, metrics, orders, status_of
from tests.support.waiting import wait_until


def spoilt(folder: Path, old: str, new: str) -> None:
    """Change a passage of the configuration."""
    file = folder / "sayso.toml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def no_toml(folder: Path) -> None:
    """End in the middle of a table's name."""
    with (folder / "sayso.toml").open("a", encoding="utf-8") as file:
        file.write("\n[sites.")


def two_wrong_keys(folder: Path) -> None:
    """Misspell two keys."""
    spoilt(folder, "origins =", "orogins =")
    spoilt(folder, "dataset_id =", "dataset =")


def no_token(folder: Path) -> None:
    """Take away the file that a secret is in."""
    (folder / TOKEN).unlink()


def no_file(folder: Path) -> None:
    """Take away the configuration itself."""
    (folder / "sayso.toml").unlink()


def not_a_database(folder: Path) -> None:
    """Name a file of places that is none: only opening it tells."""
    (folder / "places.mmdb").write_text("no places", encoding="utf-8")
    spoilt(folder, "[server]", '[server]\ngeo_database = "places.mmdb"')


WRONG: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "no TOML": (no_toml, ("not TOML",)),
    "unknown keys": (two_wrong_keys, ("orogins", "dataset")),
    "a secret's file is gone": (no_token, (TOKEN,)),
    "the file is gone": (no_file, ("cannot be read",)),
    "what only a start would find": (not_a_database, ("places.mmdb",)),
}


async def test_the_last_good_one_runs_on(
    short_path: Path, twin: RunningTwin, session: aiohttp.ClientSession
) -> None:
    """No worker is touched, not even one that must be started again; each problem is a line; mending it clears all."""
    write_token(short_path, "a-token-of-meta")
    config(short_path, twin.url, sites=[meta_shop()])
    good = (short_path / "sayso.toml").read_text(encoding="utf-8")
    async with Sayso(short_path, *SERVE) as sayso:
        urls = await sayso.ready()
        for number, (name, (spoil, words)) in enumerate(WRONG.items()):
            (first,) = sayso.workers()
            told = len(sayso.err)
            spoil(short_path)
            part = await refuse(session, sayso)
            assert part["status"] == "degraded", name
            assert "is wrong (" in part["words"], name
            assert "running the one of" in part["words"], name
            err = sayso.err[told:]
            lines = [line for line in err.splitlines() if "the configuration is not changed" in line]
            for word in words:
                assert [line for line in lines if word in line], f"{name}: {err}"
            assert words[0] in part["words"] or f"{len(lines)} problems" in part["words"], name
            assert await status_of(session, urls["admin"]) == "200 degraded", name
            assert sayso.workers() == [first], name
            assert await buy(session, urls["public"], f"T-{number}") == 204, name
            if spoil in {no_token, not_a_database}:
                await succeeded(sayso, first)
            assert await buy(session, urls["public"], f"U-{number}") == 204, name
            await sold(twin, {f"{letter}-{number}" for letter in "TU"})
            (short_path / "sayso.toml").write_text(good, encoding="utf-8")
            write_token(short_path, "a-token-of-meta")
            await reload(session, sayso)
            assert (await health(session, sayso))["parts"]["configuration"] == {"status": "ready"}, name
            await wait_until(lambda: len(sayso.workers()) == 1, within_s=30, what="the one worker")
        assert "Traceback" not in sayso.err
        assert "a-token-of-meta" not in sayso.err
        assert await sayso.stop() == 0


async def sold(twin: RunningTwin, wanted: set[str]) -> None:
    """Wait until the vendor has these orders."""
    await wait_until(lambda: wanted <= set(orders(twin, "meta")), within_s=25, what=f"the orders {wanted}")


async def succeeded(sayso: Sayso, first: int) -> None:
    """Kill a worker, and wait for the one that takes its place."""
    kill(first)
    await wait_until(lambda: sayso.workers() not in ([], [first]), within_s=30, what="another worker")


async def test_workers_that_cannot_start_leave_the_old_ones_in_place(
    short_path: Path, twin: RunningTwin, session: aiohttp.ClientSession
) -> None:
    """A module that breaks only in another process is found out by trying; nobody notices but the operator."""
    (short_path / "strange").mkdir()
    (short_path / "strange" / "vendor.py").write_text(STRANGER, encoding="utf-8")
    write_token(short_path, "a-token-of-meta")
    config(short_path, twin.url, sites=[meta_shop()])
    async with Sayso(short_path, *SERVE, PYTHONPATH=f"{ROOT}:{short_path}") as sayso:
        urls = await sayso.ready()
        workers = sayso.workers()
        async with Crowd(urls["public"], size=2) as crowd:
            await crowd.more(5)
            config(
                short_path,
                twin.url,
                sites=[meta_shop(), '[sites.shop.forwarders.new]\ntype = "strange.vendor"'],
            )
            part = await refuse(session, sayso)
            assert "workers did not start" in part["words"]
            await crowd.more(5)
        assert sayso.workers() == workers
        assert set(crowd.answers) == {204}
        config(short_path, twin.url, sites=[meta_shop()])
        await reload(session, sayso)
        assert await status_of(session, urls["admin"]) == "200 ready"


ROOT = Path(__file__).resolve().parents[3]
STRANGER = """
import sys
from typing import ClassVar
from forwarders.base import Forwarder, Request
if "proxy.worker" in " ".join(sys.orig_argv):
    raise SystemExit(3)
class Stranger(Forwarder):
    title: ClassVar[str] = "Stranger"
    hosts: ClassVar[frozenset[str]] = frozenset({"stranger.example"})
    def full(self, events):
        return Request("POST", "https://stranger.example/")
"""


async def test_what_cannot_change_now_waits_and_the_rest_takes_effect(
    short_path: Path, twin: RunningTwin, session: aiohttp.ClientSession
) -> None:
    """Sockets and the store stay as they are, and Sayso is as ready as before; the words say what waits for a start."""
    write_token(short_path, "a-token-of-meta")
    config(short_path, twin.url, sites=[meta_shop()])
    async with Sayso(short_path, *SERVE) as sayso:
        urls = await sayso.ready()
        config(
            short_path,
            twin.url,
            "[store]\npartitions = 4",
            server='id_key = "another key for ids, long enough"',
            sites=[meta_shop(), meta_shop("outlet", "/outlet/", number=2)],
        )
        spoilt(short_path, f"{short_path / 'data'}", f"{short_path / 'elsewhere'}")
        await reload(session, sayso)
        body = await health(session, sayso)
        assert body["status"] == "ready"
        words = body["parts"]["configuration"]["words"]
        for key in ("server.data_dir", "server.id_key", "store.partitions"):
            assert key in words
            assert f"the change of {key} takes effect at the next start" in sayso.err
        assert "listen" not in words
        assert not (short_path / "elsewhere").exists()
        async with Crowd(f"{urls['public']}/outlet", size=1) as crowd:
            await crowd.more(3)
        assert set(crowd.answers) == {204}
        found = await metrics(session, urls["admin"])
        assert found['sayso_events_received_total{site="outlet"}'] == len(crowd.accepted)
