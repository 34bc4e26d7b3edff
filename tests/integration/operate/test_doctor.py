"""``sayso doctor``: finds what is wrong, says what to do about it, and works where nothing runs."""

import asyncio
import json
import socket
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from proxy.cli import main
from proxy.delivery.states import STATES
from proxy.operate.complaints import Complaint, status_of, written
from proxy.store.keys import outbox_keys, partition_keys
from tests.support.own_valkey import Valkey
from tests.support.processes import Sayso

KEYS = outbox_keys(0, "shop", "vendor")
CONFIG = """
[server]
listen = "127.0.0.1:{public}"
admin_listen = "127.0.0.1:{admin}"
data_dir = "{folder}/data"
[store]
url = "{url}"
{store}
[egress]
origin = "http://127.0.0.1:9"
[delivery]
max_entries = 100
[sites.shop]
hosts = ["*"]
origins = ["https://shop.example"]
[sites.shop.policy]
preset = "consent-mode"
[sites.shop.forwarders.vendor]
type = "meta"
dataset_id = "1234567890"
access_token = "{token}"
"""


def write(folder: Path, url: str, *, public: int = 0, admin: int = 0, **more: str) -> Path:
    """Write a configuration; without ports the listeners are not looked for."""
    values = {"store": "", "token": "a-meta-token", **more}
    path = folder / "sayso.toml"
    path.write_text(
        CONFIG.format(folder=folder, url=url, public=public, admin=admin, **values), encoding="utf-8"
    )
    path.chmod(0o600)
    return path


async def examined(path: Path) -> list[dict[str, Any]]:
    """Run the command; return what it finds, after checking that its exit status says the same."""
    run = CliRunner().invoke
    result = await asyncio.to_thread(
        run, main, ["doctor", "--json", "--config", str(path)], catch_exceptions=False
    )
    body = json.loads(result.stdout)
    wrong = any(one["grade"] == "wrong" for one in body["findings"])
    assert (result.exit_code, body["status"]) == ((1, "wrong") if wrong else (0, "well"))
    return [one for one in body["findings"] if one["area"] != "configuration" and "files" not in one["what"]]


async def wrongs(path: Path) -> list[str]:
    """Return what is wrong, in words."""
    return [one["what"] for one in await examined(path) if one["grade"] == "wrong"]


def alive(store: Valkey) -> None:
    """Be a worker that has just given a sign of life."""
    store.ask("ZADD", partition_keys(0).workers, time.time_ns() // 1_000_000, "worker")


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@pytest.fixture
def good(own_valkey: Valkey) -> Valkey:
    """Return a store with nothing to find fault with, on which somebody delivers."""
    own_valkey.ask("CONFIG", "SET", "appendfsync", "always")
    own_valkey.ask("CONFIG", "SET", "stream-node-max-entries", 1)
    alive(own_valkey)
    return own_valkey


class TestTheStore:
    async def test_a_good_installation_has_nothing_wrong(self, good: Valkey, tmp_path: Path) -> None:
        assert await examined(write(tmp_path, good.url)) == []

    async def test_it_changes_nothing(self, own_valkey: Valkey, tmp_path: Path) -> None:
        """Not even what the first start writes into a store."""
        await examined(write(tmp_path, own_valkey.url))
        found = own_valkey.ask("KEYS", "*")
        assert found == [b"sayso:probe"]

    async def test_what_the_store_does_not_promise(self, good: Valkey, tmp_path: Path) -> None:
        good.ask("CONFIG", "SET", "appendfsync", "everysec")
        good.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        found = await wrongs(write(tmp_path, good.url))
        assert len(found) == 2
        assert "allkeys-lru" in found[1]
        (note,) = [
            one
            for one in await examined(write(tmp_path, good.url, store='durability = "everysec"'))
            if one["grade"] == "note"
        ]
        assert "once a second" in note["what"]

    async def test_a_store_that_takes_no_events(self, good: Valkey, tmp_path: Path) -> None:
        good.ask("CONFIG", "SET", "min-replicas-to-write", 1)
        assert any("too few replicas" in what for what in await wrongs(write(tmp_path, good.url)))

    async def test_another_number_of_partitions(self, good: Valkey, tmp_path: Path) -> None:
        good.ask("SET", "sayso:partitions", 4)
        (what,) = await wrongs(write(tmp_path, good.url))
        assert "partitions = 4" in what

    async def test_a_store_that_is_not_there(self, tmp_path: Path) -> None:
        (one,) = await examined(write(tmp_path, f"unix://{tmp_path}/nobody"))
        assert (one["area"], one["grade"]) == ("store", "wrong")
        assert "nobody listens there" in one["what"]

    async def test_an_embedded_store_that_does_not_run(self, tmp_path: Path) -> None:
        (what,) = await wrongs(write(tmp_path, "embedded"))
        assert what.startswith("nothing runs on ")
        assert not (tmp_path / "data").exists()


class TestDelivery:
    async def test_nobody_delivers(self, own_valkey: Valkey, tmp_path: Path) -> None:
        own_valkey.ask("CONFIG", "SET", "appendfsync", "always")
        (what,) = await wrongs(write(tmp_path, own_valkey.url))
        assert "no delivering process is alive" in what

    @pytest.mark.parametrize("state", ["paused", "failing"])
    async def test_the_vendors_own_words_are_shown(self, state: str, good: Valkey, tmp_path: Path) -> None:
        now = time.time_ns() // 1_000_000
        said = {"state": state, "words": "token expired", "since": now, "at": now}
        good.ask("HSET", STATES, "shop|vendor", orjson.dumps(said).decode())
        (what,) = await wrongs(write(tmp_path, good.url))
        assert what.startswith(f"shop vendor is {state}")
        assert what.endswith(": token expired")

    async def test_what_has_waited_for_too_long(self, good: Valkey, tmp_path: Path) -> None:
        old_ms = time.time_ns() // 1_000_000 - 60 * 3_600_000
        good.ask("XADD", KEYS.stream, f"{old_ms}-0", "e", "{}")
        good.ask("HSET", KEYS.counts, "f|shop|vendor", 1)
        (what,) = await wrongs(write(tmp_path, good.url))
        assert "has waited 2 d" in what

    async def test_a_sum_that_does_not_add_up(self, good: Valkey, tmp_path: Path) -> None:
        good.ask("HSET", KEYS.counts, "f|shop|vendor", 3)
        (what,) = await wrongs(write(tmp_path, good.url))
        assert what == "shop vendor: the sum does not add up"

    async def test_an_outbox_that_is_nearly_full(self, good: Valkey, tmp_path: Path) -> None:
        for _ in range(81):
            good.ask("XADD", KEYS.stream, "*", "e", "{}")
        good.ask("HSET", KEYS.counts, "f|shop|vendor", 81)
        (what,) = await wrongs(write(tmp_path, good.url))
        assert "81 of 100 entries" in what

    async def test_what_a_removed_forwarder_has_left(self, good: Valkey, tmp_path: Path) -> None:
        good.ask("XADD", outbox_keys(0, "shop", "gone").stream, "*", "e", "{}")
        good.ask("HSET", KEYS.counts, "f|shop|gone", 1)
        (one,) = await examined(write(tmp_path, good.url))
        assert one["remedy"].endswith("sayso outbox discard shop gone")

    async def test_dead_letters_are_told_and_are_nothing_wrong(self, good: Valkey, tmp_path: Path) -> None:
        good.ask("XADD", KEYS.dead, "*", "e", "{}", "o", "rejected|vendor_rejected", "w", "no")
        good.ask("HSET", KEYS.counts, "f|shop|vendor", 1, "o|shop|vendor|rejected|vendor_rejected", 1)
        (one,) = await examined(write(tmp_path, good.url))
        assert one["grade"] == "unwise"
        assert "dead-letters list" in one["remedy"]


class TestTheMachine:
    async def test_a_secret_that_everybody_may_read(self, good: Valkey, tmp_path: Path) -> None:
        secret = tmp_path / "token"
        secret.write_text("a-secret-that-is-never-shown", encoding="utf-8")
        secret.chmod(0o644)
        path = write(tmp_path, good.url, token="file:token")
        (one,) = await examined(path)
        assert one["grade"] == "unwise"
        assert str(secret) in one["what"]
        assert "never-shown" not in json.dumps(one)
        secret.chmod(0o600)
        assert await examined(path) == []

    async def test_a_folder_that_others_may_look_into(self, tmp_path: Path) -> None:
        (tmp_path / "data").mkdir(mode=0o755)
        (tmp_path / "data").chmod(0o755)
        assert any("others may look into" in what for what in await wrongs(write(tmp_path, "embedded")))

    async def test_listeners_that_do_not_answer(self, own_valkey: Valkey, tmp_path: Path) -> None:
        """Where somebody delivers they may be on another machine, which is only worth a note."""
        own_valkey.ask("CONFIG", "SET", "appendfsync", "always")
        path = write(tmp_path, own_valkey.url, public=free_port(), admin=free_port())
        found = await wrongs(path)
        assert sum("nothing answers on" in what for what in found) == 2
        alive(own_valkey)
        assert await wrongs(path) == []


async def test_of_an_installation_that_runs(tmp_path: Path) -> None:
    """All that is looked at, at once, as a user would: nothing is wrong; then Sayso is stopped, and that is."""
    path = write(tmp_path, "embedded", public=free_port(), admin=free_port())
    async with Sayso(tmp_path, "serve", "--config", path) as sayso:
        await sayso.ready()
        found = await examined(path)
        assert [one for one in found if one["grade"] == "wrong"] == []
        assert await sayso.stop() == 0
    assert any("nothing runs" in what for what in await wrongs(path))


def test_a_configuration_that_cannot_be_used(tmp_path: Path) -> None:
    """Every problem is said, and nothing else is looked at."""
    path = tmp_path / "sayso.toml"
    path.write_text('[server]\nlisten = "nowhere"\nsurprise = 1\n', encoding="utf-8")
    result = CliRunner().invoke(main, ["doctor", "--config", str(path)], catch_exceptions=False)
    assert result.exit_code == 1
    assert result.stdout.count("wrong   configuration: ") == 3
    assert result.stdout.splitlines()[-1] == "3 things are wrong"


def test_without_a_configuration_it_is_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for every command."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SAYSO_CONFIG", raising=False)
    assert CliRunner().invoke(main, ["doctor"]).exit_code == 2


def test_what_is_written_says_the_worst_first() -> None:
    """And what is merely unwise does not make it fail."""
    found = [Complaint("store", "note", "a note"), Complaint("machine", "unwise", "a risk", "mend it")]
    assert status_of(found) == 0
    assert written(found, json=False).splitlines() == [
        "unwise  machine: a risk",
        "        better: mend it",
        "note    store: a note",
        "nothing is wrong",
    ]
    found.append(Complaint("delivery", "wrong", "a fault"))
    assert status_of(found) == 1
    assert written(found, json=False).splitlines()[0] == "wrong   delivery: a fault"
    assert written(found, json=False).splitlines()[-1] == "1 thing is wrong"
