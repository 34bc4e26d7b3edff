"""What a store promises is asked of the store itself, and what it does not promise is said in words."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import pytest

from proxy.health import DurabilityWatch
from proxy.store.assurance import Answers, Durability, Weakness, assess, findings, takes_writes
from proxy.store.client import Store, StoreUnavailableError
from tests.support.own_valkey import Valkey

GOOD: Mapping[str, Any] = {
    "redis_version": "7.2.4",
    "loading": 0,
    "role": "master",
    "connected_slaves": 0,
    "aof_enabled": 1,
    "aof_last_write_status": "ok",
    "aof_last_bgrewrite_status": "ok",
    "rdb_last_bgsave_status": "ok",
    "maxmemory": 0,
    "used_memory": 1 << 20,
    "maxmemory_policy": "noeviction",
}
ALWAYS = {"appendfsync": "always", "no-appendfsync-on-rewrite": "no", "save": ""}


def judged(
    info: Mapping[str, Any] | None = None,
    config: Mapping[str, str] | None = None,
    *,
    ahead_s: float = 0.0,
    expected: Durability = "always",
    asked: bool = True,
) -> list[tuple[Weakness, str]]:
    """Return what is found in a good store of which some answers are others."""
    answers = Answers({**GOOD, **(info or {})}, {**ALWAYS, **(config or {})} if asked else None, ahead_s)
    return [(one.weakness, one.severity) for one in findings(answers, expected)]


def test_a_good_one_has_no_fault() -> None:
    """Append-only log, synced always, nothing evicted."""
    assert judged() == []


@pytest.mark.parametrize(
    ("info", "config", "weakness", "severity"),
    [
        ({"aof_enabled": 0}, {}, Weakness.NO_PERSISTENCE, "weak"),
        ({"aof_enabled": 0}, {"save": "3600 1"}, Weakness.SNAPSHOTS_ONLY, "weak"),
        ({}, {"appendfsync": "everysec"}, Weakness.SYNCED_EACH_SECOND, "weak"),
        ({}, {"appendfsync": "no"}, Weakness.NEVER_SYNCED, "weak"),
        ({}, {"no-appendfsync-on-rewrite": "yes"}, Weakness.SYNC_PAUSES, "weak"),
        ({"maxmemory_policy": "allkeys-lru", "maxmemory": 1 << 30}, {}, Weakness.EVICTS, "weak"),
        ({"maxmemory_policy": "volatile-ttl", "maxmemory": 1 << 30}, {}, Weakness.EVICTS, "weak"),
        ({"maxmemory_policy": "volatile-lru"}, {}, Weakness.EVICTS, "weak"),
        ({"maxmemory": 1000, "used_memory": 900}, {}, Weakness.NEARLY_FULL, "weak"),
        ({"maxmemory": 1000, "used_memory": 1001}, {}, Weakness.FULL, "broken"),
        ({"role": "slave"}, {}, Weakness.READ_ONLY, "broken"),
        ({"loading": 1}, {}, Weakness.LOADING, "broken"),
        ({"redis_version": "6.2.14"}, {}, Weakness.TOO_OLD, "broken"),
        ({"aof_last_write_status": "err"}, {}, Weakness.LOG_WRITE_FAILED, "broken"),
        ({"aof_last_bgrewrite_status": "err"}, {}, Weakness.REWRITE_FAILED, "weak"),
        ({"rdb_last_bgsave_status": "err"}, {}, Weakness.SNAPSHOT_FAILED, "weak"),
        ({"connected_slaves": 2}, {}, Weakness.REPLICAS_LAG, "note"),
        ({}, {"stream-node-max-entries": "100"}, Weakness.ERASED_STAYS, "note"),
    ],
    ids=str,
)
def test_each_weakness_is_found(
    info: Mapping[str, Any], config: Mapping[str, str], weakness: Weakness, severity: str
) -> None:
    """And nothing else is, where nothing else is wrong."""
    assert judged(info, config) == [(weakness, severity)]


@pytest.mark.parametrize("ahead_s", [-3600.0, -6.0, 6.0])
def test_clocks_that_differ_are_found(ahead_s: float) -> None:
    """Expiry is counted by one of them and decisions by the other."""
    assert judged(ahead_s=ahead_s) == [(Weakness.CLOCKS_DIFFER, "weak")]
    assert judged(ahead_s=4.0) == []


def test_everysec_is_no_fault_where_the_configuration_asks_for_no_more() -> None:
    """It is said all the same."""
    assert judged(config={"appendfsync": "everysec"}, expected="everysec") == [
        (Weakness.SYNCED_EACH_SECOND, "note")
    ]


def test_what_may_not_be_asked_is_said_to_be_unknown() -> None:
    """Managed services forbid CONFIG; what INFO says is judged."""
    assert judged(asked=False) == [(Weakness.UNKNOWN_SYNC, "note")]
    assert judged({"aof_enabled": 0}, asked=False) == [(Weakness.SNAPSHOTS_ONLY, "weak")]
    assert judged({"maxmemory_policy": "allkeys-lfu", "maxmemory": 1 << 30}, asked=False) == [
        (Weakness.EVICTS, "weak"),
        (Weakness.UNKNOWN_SYNC, "note"),
    ]


def test_the_worst_stands_first() -> None:
    """Whoever reads one line reads that."""
    found = judged({"connected_slaves": 1, "role": "master", "loading": 1}, {"appendfsync": "no"})
    assert [severity for _, severity in found] == ["broken", "weak", "note"]


class TestOfARealOne:
    async def weaknesses(self, store: Store) -> set[Weakness]:
        """Ask it."""
        found = {one.weakness for one in await assess(store, "always")}
        return found - {Weakness.ERASED_STAYS}  # the tests' own server is as it comes

    async def test_it_is_found_as_it_is(self, own_valkey: Valkey) -> None:
        store = Store(own_valkey.url)
        assert await self.weaknesses(store) == {Weakness.NEVER_SYNCED}
        own_valkey.ask("CONFIG", "SET", "appendfsync", "always")
        assert await self.weaknesses(store) == set()
        own_valkey.ask("CONFIG", "SET", "appendonly", "no")
        own_valkey.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        assert await self.weaknesses(store) == {Weakness.NO_PERSISTENCE, Weakness.EVICTS}
        await store.close()

    async def test_one_that_may_not_be_asked(self, own_valkey: Valkey) -> None:
        store = Store(own_valkey.url)
        own_valkey.ask("ACL", "SETUSER", "default", "-config")
        assert await self.weaknesses(store) == {Weakness.UNKNOWN_SYNC}
        own_valkey.ask("ACL", "SETUSER", "default", "-info")
        assert await self.weaknesses(store) == {Weakness.UNCHECKED}
        await store.close()

    async def test_one_that_is_away_is_an_error(self, own_valkey: Valkey) -> None:
        store = Store(own_valkey.url, patience_s=0.3)
        own_valkey.freeze()
        with pytest.raises(StoreUnavailableError):
            await assess(store, "always")
        assert "does not answer" in await takes_writes(store)
        own_valkey.stop()
        with pytest.raises(StoreUnavailableError):
            await assess(store, "always")
        assert "nobody listens" in await takes_writes(store)
        await store.close()

    async def test_a_change_is_logged_once_and_shown(
        self, own_valkey: Valkey, caplog: pytest.LogCaptureFixture
    ) -> None:
        store = Store(own_valkey.url)
        own_valkey.ask("CONFIG", "SET", "appendfsync", "always")
        watch = DurabilityWatch(store, "always")
        with caplog.at_level(logging.WARNING, "sayso.store"):
            assert await watch.look()
            assert (await watch.part())["durability"].status == "ready"
            own_valkey.ask("CONFIG", "SET", "maxmemory-policy", "volatile-lru")
            await asyncio.gather(watch.look(), watch.look())
            await watch.look()
            part = (await watch.part())["durability"]
            assert part.status == "degraded"
            assert "noeviction" in part.words
            own_valkey.stop()
            assert not await watch.look()
            assert (await watch.part())["durability"].status == "degraded"
        assert 1 <= len(caplog.records) <= 2
        await store.close()
