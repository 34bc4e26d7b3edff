"""``sayso consent erase``: what is held of a visitor is gone when it returns, and the receipt says what that was."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from proxy.identity import Visitor
from proxy.operate import erase, rewriting
from proxy.reasons import Decision
from proxy.remember import Remember, Statement
from proxy.signals import ALL_GRANTED
from proxy.store.client import Store
from proxy.store.keys import consent_key, outbox_keys, session_key
from tests.support.delivery import SITE, Scene, link, site_of
from tests.support.operating import Operator
from tests.support.own_valkey import Valkey
from tests.support.processes import kill
from tests.support.taken_back import (
    CANARIES,
    OTHER,
    PERSONAL,
    VISITOR,
    found_in,
    keyspace,
    leave_everywhere,
    on_disk,
)
from tests.support.telling import Telling
from tests.support.vendor import Reply
from tests.support.waiting import passed, wait_until

RECORD = consent_key(SITE, VISITOR)
SESSION = session_key(SITE, VISITOR)


async def leave_all(scene: Scene) -> None:
    """Have two visitors leave something at each of two vendors, and a record and a session each."""
    for visitor in (VISITOR, OTHER):
        await scene.decide("gggg", visitor=visitor)
        await scene.consents.begin_session(SITE, visitor, 1_795_341_600)
    for name in ("vendor", "pings"):
        await leave_everywhere(scene, to=name)


async def erased(operator: Operator, *options: str) -> Any:
    """Erase the visitor; return the receipt."""
    return await operator.tells("consent", "erase", VISITOR, *options)


async def test_everything_is_erased_and_told(operator: Operator, store: Store) -> None:
    """Record, session, what waits, dead letters and copies; of this visitor and nobody else. The sum stays true."""
    async with Scene(store, site_of(link(), link(name="pings"))) as scene:
        await leave_all(scene)
        await store.redis.hset(RECORD, "of_another_system", "Qz7UserCanaryXk19")
        assert found_in(await keyspace(store)) == list(CANARIES)
        receipt = await erased(operator)
        shop, outlet = receipt["sites"]
        assert shop.pop("empty_record_kept_s") > 90 * 86_400
        assert shop == {
            "site": "shop",
            "record": 1,
            "session": 1,
            "history": 1,
            "attribution": 0,
            "pending_lowered": 1,
            "pending_dropped": 1,
            "dead_letters": 2,
            "sent_copies": 2,
        }
        assert outlet["record"] == outlet["dead_letters"] == 0
        assert receipt["held"] == 9
        assert receipt["append_only_file"]["fate"] == "rewritten"
        assert found_in(await keyspace(store)) == []
        for name, outcome in (("vendor", {"dropped|erased": 1}), ("pings", {})):
            account = await scene.account(name)
            assert account.outcomes == {"rejected|vendor_rejected": 2, "delivered|accepted": 2, **outcome}
            assert account.adds_up
            keys = outbox_keys(0, SITE, name)
            assert (await store.redis.xlen(keys.dead), await store.redis.xlen(keys.sent)) == (1, 1)
        assert await store.redis.exists(consent_key(SITE, OTHER), session_key(SITE, OTHER)) == 2


async def test_what_stays_is_an_empty_record_that_vanishes(operator: Operator, store: Store) -> None:
    """It denies everything, names no earlier source, version or proof, and lives as long as the id may come back."""
    async with Scene(store, site_of(link())) as scene:
        await scene.decide("gggg", visitor=VISITOR)
        await erased(operator)
        record: Any = await store.redis.hgetall(RECORD)
        signals = (b"analytics_storage", b"ad_storage", b"ad_user_data", b"ad_personalization")
        times = {record.pop(name) for name in (b"times", b"denied_at")} | {
            b",".join([record[b"decided_at"]] * 4)
        }
        assert len(times) == 1
        assert abs(int(record.pop(b"decided_at")) / 1000 - time.time()) < 60
        assert record == {**dict.fromkeys(signals, b"denied"), b"source": b"erased", b"tombstone": b"1"}
        assert 91 * 86_400 - 60 < await store.redis.ttl(RECORD) <= 91 * 86_400


async def test_a_second_time_nothing_was_held(operator: Operator, store: Store) -> None:
    """What an erasure leaves is nothing that is held."""
    async with Scene(store, site_of(link(), link(name="pings"))) as scene:
        await leave_all(scene)
        first = await operator.says("consent", "erase", VISITOR)
        assert (
            "shop: erased the record, the session, the history, 2 pending entries (1 made cookieless, 1 dropped)"
            in first
        )
        assert "2 dead letters, 2 copies of sent entries" in first
        assert "the append-only file was rewritten" in first
        assert "nothing was held at shop, outlet" in await operator.says("consent", "erase", VISITOR)
        assert (await erased(operator))["held"] == 0
        assert VISITOR not in first


async def test_a_dry_run_says_the_same_and_changes_nothing(operator: Operator, store: Store) -> None:
    """Not even a note."""
    async with Scene(store, site_of(link(), link(name="pings"))) as scene:
        await leave_all(scene)
        await operator.says("status")  # the first command at a store sets it up
        before = await keyspace(store)
        dry = await erased(operator, "--dry-run")
        assert await keyspace(store) == before
        assert "append_only_file" not in dry
        real = await erased(operator)
        assert (dry["sites"], dry["held"]) == (real["sites"], real["held"])
        assert "would erase" not in await operator.says("consent", "erase", VISITOR, "--dry-run")


async def test_only_at_the_site_that_is_named(operator: Operator, store: Store) -> None:
    """What another site holds under the same id is left alone."""
    async with Scene(store, site_of(link())) as scene:
        await leave_everywhere(scene)
        receipt = await erased(operator, "--site", "outlet")
        assert [one["site"] for one in receipt["sites"]] == ["outlet"]
        assert found_in(await keyspace(store)) == list(CANARIES)


async def test_removed_sites_and_forwarders_are_reached(operator: Operator, store: Store) -> None:
    """Their entries are dropped: nothing could become of them."""
    async with Scene(store, site_of(link())) as scene:
        await leave_everywhere(scene, [VISITOR], to="removed")
        (shop, *_) = (await erased(operator))["sites"]
        assert (shop["pending_dropped"], shop["dead_letters"], shop["sent_copies"]) == (1, 1, 1)
        assert found_in(await keyspace(store)) == []


async def test_an_entry_in_hand_is_erased(operator: Operator, store: Store) -> None:
    """It ends once, as erased, and does not arrive a second time as a ping. Whatever the vendor answers."""
    async with Scene(store, site_of(link(Telling(), name="pings"))) as scene:
        answer = asyncio.Event()
        scene.vendor.queue = [Reply(500, after=answer)]
        await scene.full("e0", visitor=VISITOR, to="pings", **PERSONAL)
        await scene.work()
        await wait_until(lambda: len(scene.vendor.seen) == 1)
        receipt = await erased(operator, "--site", "shop")
        assert (receipt["sites"][0]["pending_lowered"], receipt["sites"][0]["pending_dropped"]) == (0, 1)
        assert found_in(await keyspace(store)) == []
        answer.set()
        await scene.full("e1", visitor=OTHER, to="pings")
        await scene.settled("pings", dropped_erased=1, delivered_accepted=1)
        assert found_in(await keyspace(store)) == []
        assert sum(len(ids) for ids in scene.sent_ids()) == 2


async def test_an_event_that_was_on_its_way_is_erased_too(
    operator: Operator, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its consent was read before the erasure, and it is stored just after: the second look finds it."""
    monkeypatch.setattr(erase, "AGAIN_S", 2.0)
    async with Scene(store, site_of(link())) as scene:
        work = asyncio.create_task(erased(operator))

        async def begun() -> bool:
            return bool(await store.redis.exists(RECORD))

        await wait_until(begun)
        await passed(0.8)  # the first look is done by now
        await scene.full("late", visitor=VISITOR, **PERSONAL)
        receipt = await work
        assert receipt["sites"][0]["pending_dropped"] == 1
        assert found_in(await keyspace(store)) == []


async def test_an_old_cookie_brings_nothing_back(operator: Operator, store: Store) -> None:
    """Whoever grants again under the erased id is given a new one."""
    async with Scene(store, site_of(link(Telling(), otherwise=Decision.DROP))) as scene:
        await scene.decide("gggg", visitor=VISITOR)
        await erased(operator)
        now_ms = time.time_ns() // 1_000_000
        statement = Statement(ALL_GRANTED, now_ms, "page", "", gpc=False)
        old = Visitor(VISITOR, now_ms // 1000 - 60)
        remembered = await Remember(scene.consents).apply(scene.site, old, None, statement, now_ms)
        assert remembered.visitor is not None
        assert remembered.visitor.id != VISITOR
        await scene.full("e0", visitor=VISITOR)
        await scene.work()
        await scene.settled(dropped_withdrawn=1)


@pytest.mark.parametrize("word", ["get", "withdraw", "erase"])
@pytest.mark.parametrize("visitor", ["-h" + "V" * 20, "--" + "V" * 20, "-p" + "V" * 20 + ".1795341600"])
async def test_an_id_may_begin_with_a_dash(operator: Operator, word: str, visitor: str) -> None:
    """It is no option for that, wherever it stands."""
    assert await operator.tells("consent", word, visitor, "--site", "shop")
    assert await operator.says("consent", word, "--site", "shop", "--", visitor)
    assert "Usage" not in await operator.says("consent", word, "--site", "shop", visitor)


@pytest.mark.parametrize("made_of", ["kari@example.com", "V" * 21, f"{VISITOR}.x", ""])
async def test_what_is_no_visitor_is_not_repeated(operator: Operator, made_of: str) -> None:
    """It may be somebody's name or address."""
    line = await operator.refused("consent", "erase", made_of)
    assert "22 characters" in line
    assert not made_of or made_of not in line
    assert "there are shop, outlet" in await operator.refused("consent", "erase", VISITOR, "--site", "shp")


async def test_the_file_holds_nothing_more(own_valkey: Valkey, operator: Operator) -> None:
    """With one entry in a node, no byte of them is left on disk, though neighbours wait on. Uncompressed, to be sure."""
    for name, value in (("stream-node-max-entries", "1"), ("rdbcompression", "no")):
        own_valkey.ask("CONFIG", "SET", name, value)
    text = operator.config.read_text(encoding="utf-8")
    own = Operator(operator.config.parent, own_valkey.url)
    own.config.write_text(
        "\n".join(
            line if not line.startswith("url = ") else f'url = "{own_valkey.url}"'
            for line in text.splitlines()
        ),
        encoding="utf-8",
    )
    store = Store(own_valkey.url)
    async with Scene(store, site_of(link(), link(name="pings"))) as scene:
        await leave_all(scene)
        folder = own_valkey.socket.parent
        assert found_in(on_disk(folder)) == list(CANARIES)
        receipt = (await own.tells("consent", "erase", VISITOR))["append_only_file"]
        assert receipt["fate"] == "rewritten"
        assert receipt["notes"] == ["backups of the store are yours to look after"]

        async def gone() -> bool:  # an outside server removes the old files a moment later
            return found_in(on_disk(folder)) == []

        await wait_until(gone)
    await store.close()


async def test_a_store_that_is_not_ours_is_told_of_plainly(operator: Operator, store: Store) -> None:
    """What we cannot do there, and what its owner has to look after."""
    notes = " / ".join((await erased(operator))["append_only_file"]["notes"])
    assert "stream-node-max-entries 1" in notes
    assert "backups" in notes
    assert "note: backups" in await operator.says("consent", "erase", VISITOR)


async def test_a_store_without_an_append_only_file(own_valkey: Valkey, operator: Operator) -> None:
    """There is nothing to rewrite, and snapshots are named."""
    own_valkey.ask("CONFIG", "SET", "appendonly", "no")
    own_valkey.ask("CONFIG", "SET", "save", "3600 1")
    own = Operator(operator.config.parent, own_valkey.url)
    told = (await own.tells("consent", "erase", VISITOR))["append_only_file"]
    assert told["fate"] == "off"
    assert any("snapshots" in note for note in told["notes"])


async def test_a_store_that_refuses_the_rewrite(own_valkey: Valkey, operator: Operator) -> None:
    """The keys are erased all the same, and the receipt says what is not done."""
    own_valkey.ask("ACL", "SETUSER", "sayso", "on", ">word", "~*", "&*", "+@all", "-bgrewriteaof", "-config")
    url = own_valkey.url.replace("unix://", "unix://sayso:word@")
    own = Operator(operator.config.parent, url)
    store = Store(own_valkey.url)
    async with Scene(store, site_of(link())) as scene:
        await leave_everywhere(scene)
        assert "would not rewrite" in await own.says("consent", "erase", VISITOR)
        assert found_in(await keyspace(store)) == []
    await store.close()


async def test_a_rewrite_that_began_before_does_not_count(own_valkey: Valkey, operator: Operator) -> None:
    """It has read what was still there. Ours begins when it is done."""
    store = Store(own_valkey.url)
    own_valkey.ask("CONFIG", "SET", "rdb-key-save-delay", "20000")  # µs per key
    own = Operator(operator.config.parent, own_valkey.url)
    async with Scene(store, site_of(link())) as scene:
        await leave_everywhere(scene)
        own_valkey.ask("BGREWRITEAOF")
        receipt = await own.tells("consent", "erase", VISITOR)
        assert receipt["append_only_file"]["fate"] == "rewritten"
        info: Any = await store.redis.info("persistence")
        assert info["aof_rewrites"] == 2
    await store.close()


async def test_a_long_rewrite_is_left_to_itself(
    own_valkey: Valkey, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on, and the receipt says so."""
    monkeypatch.setattr(rewriting, "PATIENCE_S", 0.3)
    own_valkey.ask("CONFIG", "SET", "rdb-key-save-delay", "2000000")
    own = Operator(operator.config.parent, own_valkey.url)
    receipt = await own.tells("consent", "erase", VISITOR)
    assert receipt["append_only_file"]["fate"] == "unfinished"


async def test_a_rewrite_that_fails_is_told(own_valkey: Valkey, operator: Operator) -> None:
    """The disk is full, or the server's child is killed."""
    own_valkey.ask("CONFIG", "SET", "rdb-key-save-delay", "5000000")
    own = Operator(operator.config.parent, own_valkey.url)
    work = asyncio.create_task(own.tells("consent", "erase", VISITOR))

    def children() -> list[int]:
        pid = own_valkey.pid
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()]

    await wait_until(lambda: bool(children()), what="a rewriting child")
    kill(children()[0])
    receipt = await work
    assert receipt["append_only_file"]["fate"] == "failed"
    assert "could not be rewritten" in receipt["append_only_file"]["words"]
