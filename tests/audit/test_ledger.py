"""The ledger: whatever happens between store and files, each row stands in the chain once, and in order."""

import asyncio
import os
import random
import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest

from proxy.assemble import now_ms
from proxy.audit import heads
from proxy.audit.chain import key_of
from proxy.audit.daykeys import DayKeys, all_keys, day_before
from proxy.audit.ledger import Keeping
from proxy.audit.segments import Writer, chain_name, segments
from proxy.audit.verify import verify
from proxy.audit.waiting import oldest_waiting, waiting
from proxy.store.client import Store
from proxy.store.keys import AUDIT, AUDIT_LEASE, partition_keys
from tests.support.own_valkey import Valkey
from tests.support.trail import KEY, checked, ledger, read, write
from tests.support.waiting import wait_until

TRAIL = partition_keys(0).trail
DAY_MS = 86_400_000


async def put(store: Store, *refs: str, partition: int = 0) -> None:
    """Put a record into the trail as settling does, with a row for each ref."""
    said = [["ended", ref, "f", "p1", "delivered|accepted", "200 3 ", "1", "0"] for ref in refs]
    fields: Any = {"s": orjson.dumps(said), "w": "shop|meta"}
    await store.redis.xadd(partition_keys(partition).trail, fields)


def refs(folder: Path) -> list[object]:
    """Return the refs of all rows, in their order."""
    return [row["ref"] for row in read(folder)]


async def test_what_waits_is_written_once_and_then_gone_from_the_store(store: Store, tmp_path: Path) -> None:
    """In its order; and the store knows how far the chain has got."""
    for number in range(250):
        await put(store, f"a{number}", f"b{number}")
    assert await waiting(store, 1) == 250
    await write(store, tmp_path)
    assert refs(tmp_path) == [f"{letter}{number}" for number in range(250) for letter in "ab"]
    assert await waiting(store, 1) == 0
    report = checked(tmp_path)
    (head,) = (await heads.read_heads(store)).values()
    assert head.link == report.end
    assert await oldest_waiting(store, 1) is None


async def test_rows_that_were_written_but_not_deleted_are_not_written_again(
    store: Store, tmp_path: Path
) -> None:
    """As after a crash between the two."""
    for number in range(5):
        await put(store, f"a{number}", f"b{number}")
    kept = await store.redis.dump(TRAIL)
    await write(store, tmp_path)
    await store.redis.restore(TRAIL, 0, kept or b"", replace=True)
    await put(store, "new")
    await write(store, tmp_path)
    assert refs(tmp_path) == [*(f"{letter}{number}" for number in range(5) for letter in "ab"), "new"]
    checked(tmp_path)


@pytest.mark.parametrize("seed", range(12))
async def test_a_crash_in_the_middle_of_a_write_costs_and_doubles_nothing(
    store: Store, tmp_path: Path, seed: int
) -> None:
    """At any byte of what was being appended: whole rows stay, half a one is written anew."""
    chance = random.Random(seed)  # noqa: S311  # a test
    await put(store, "first")
    await write(store, tmp_path)
    before = segments(tmp_path)[-1].stat().st_size
    for number in range(6):
        await put(store, *(f"{number}-{one}" for one in range(chance.randrange(1, 5))))
    kept = await store.redis.dump(TRAIL)
    await write(store, tmp_path)
    wanted = refs(tmp_path)
    path = segments(tmp_path)[-1]
    os.truncate(path, chance.randrange(before, path.stat().st_size + 1))
    await store.redis.restore(TRAIL, 0, kept or b"", replace=True)
    await put(store, "last")
    await write(store, tmp_path)
    assert refs(tmp_path) == [*wanted, "last"]
    checked(tmp_path)


async def test_partitions_do_not_confuse_each_other_after_a_crash(store: Store, tmp_path: Path) -> None:
    """The last row says of which it is."""
    for number in range(4):
        await put(store, f"zero{number}")
        await put(store, f"one{number}", partition=1)
    kept = await store.redis.dump(partition_keys(1).trail)
    await write(store, tmp_path, partitions=2)
    await store.redis.restore(partition_keys(1).trail, 0, kept or b"", replace=True)
    await put(store, "zero4")
    await put(store, "one4", partition=1)
    await write(store, tmp_path, partitions=2)
    assert sorted(map(str, refs(tmp_path))) == sorted(
        [*(f"zero{n}" for n in range(5)), *(f"one{n}" for n in range(5))]
    )
    checked(tmp_path)


async def test_of_two_processes_one_writes_and_the_other_takes_over(store: Store, tmp_path: Path) -> None:
    """Also where the first is gone without a word: after its lease has run out."""
    one, other = ledger(store, tmp_path, owner="one"), ledger(store, tmp_path, owner="other")
    await one.turn()
    other.start()
    for number in range(20):
        await put(store, f"a{number}")
        await one.turn()
        await asyncio.sleep(0)
    assert await store.redis.get(AUDIT_LEASE) == b"one"
    one._close()  # as the kernel lets go of a dead process's lock
    await put(store, "after")

    async def written() -> bool:
        return "after" in refs(tmp_path)

    await wait_until(written, what="the other to take over")
    await other.stop()
    assert refs(tmp_path) == [*(f"a{number}" for number in range(20)), "after"]
    checked(tmp_path)
    assert await store.redis.get(AUDIT_LEASE) is None


async def test_the_folders_lock_keeps_a_second_writer_out_whatever_the_lease_says(
    store: Store, tmp_path: Path
) -> None:
    """A process that stood still for too long may believe that it still writes."""
    one = ledger(store, tmp_path, owner="one")
    await one.turn()
    await store.redis.delete(AUDIT_LEASE)
    await put(store, "a")
    other = ledger(store, tmp_path, owner="other")
    await other.turn()
    assert refs(tmp_path) == []
    await one.turn()  # is told that the lease is another's, and lets go
    await other.turn()
    assert refs(tmp_path) == ["a"]
    await one.stop()
    await other.stop()
    checked(tmp_path)


async def test_many_that_take_turns_at_random_write_each_row_once(store: Store, tmp_path: Path) -> None:
    """While rows keep coming, and writers come and go."""
    chance = random.Random(7)  # noqa: S311  # a test
    wanted: list[str] = []
    for round_number in range(8):
        writers = [ledger(store, tmp_path, owner=f"{round_number}-{n}", lease_ms=60) for n in range(3)]
        for one in writers:
            one.start()
        for number in range(30):
            name = f"{round_number}-{number}"
            wanted.append(name)
            await put(store, name)
            if chance.random() < 0.2:
                await asyncio.sleep(0.01)
        await asyncio.gather(*(one.stop() for one in writers))
    await write(store, tmp_path, owner="last")
    assert refs(tmp_path) == wanted
    checked(tmp_path)


async def test_a_store_that_restarts_loses_and_doubles_nothing(own_valkey: Valkey, tmp_path: Path) -> None:
    """The ledger goes on by itself."""
    store = Store(own_valkey.url)
    one = ledger(store, tmp_path)
    one.start()
    for number in range(30):
        await put(store, f"a{number}")
        if number % 10 == 5:
            own_valkey.stop()
            await asyncio.sleep(0.05)
            own_valkey.start()
    await wait_until(lambda: len(refs(tmp_path)) == 30, what="all rows")
    await one.stop()
    await store.close()
    assert refs(tmp_path) == [f"a{number}" for number in range(30)]
    checked(tmp_path)


async def test_files_that_cannot_be_written_are_said_and_nothing_is_lost(
    store: Store, tmp_path: Path
) -> None:
    """Once they can be, all is written."""
    folder = tmp_path / "audit"
    folder.write_text("in the way")
    one = ledger(store, folder)
    one.start()
    await put(store, "a")
    await wait_until(lambda: bool(one.trouble), what="a complaint")
    assert str(folder) in one.trouble
    assert await waiting(store, 1) == 1
    folder.unlink()
    await wait_until(lambda: not one.trouble, what="no complaint")
    await one.stop()
    assert refs(folder) == ["a"]


async def test_a_chain_that_ends_with_something_else_is_not_gone_on_with(
    store: Store, tmp_path: Path
) -> None:
    """Somebody has written into it: that is said, and left as it is."""
    await put(store, "a")
    await write(store, tmp_path)
    with segments(tmp_path)[-1].open("ab") as file:
        file.write(b"something else\n")
    one = ledger(store, tmp_path)
    one.start()
    await put(store, "b")
    await wait_until(lambda: bool(one.trouble), what="a complaint")
    await one.stop()
    assert await waiting(store, 1) == 1


async def test_rows_and_keys_that_are_too_old_are_removed_and_the_chain_stays_whole(
    store: Store, tmp_path: Path
) -> None:
    """Rows after ``keep_days``, the keys by which visitors can be found after ``link_days``."""
    now = now_ms()
    for days in (30, 11, 10, 9, 0):
        await DayKeys(store).of(now - days * DAY_MS)
        await put(store, f"{days} days ago")
        await write(
            store,
            tmp_path,
            keeping=Keeping(tmp_path, 1000, 1000),
            clock=lambda days=days: now - days * DAY_MS,
        )
    assert len(segments(tmp_path)) == 5
    await write(store, tmp_path, keeping=Keeping(tmp_path, keep_days=10, link_days=9))
    assert [path.stem for path in segments(tmp_path)] == [day_before(now, days) for days in (10, 9, 0)]
    assert sorted(await all_keys(store)) == [day_before(now, days) for days in (9, 0)]
    report = checked(tmp_path)
    (head,) = (await heads.read_heads(store)).values()
    assert head.link == report.end
    assert report.first == 3
    segments(tmp_path)[0].unlink()
    assert not verify(tmp_path, key_of(KEY)).whole


async def test_a_running_ledger_removes_what_is_too_old_when_the_day_turns(
    store: Store, tmp_path: Path
) -> None:
    """Not only at its start."""
    days = [0]
    now = now_ms()
    one = ledger(
        store,
        tmp_path,
        keeping=Keeping(tmp_path, keep_days=2, link_days=1),
        clock=lambda: now + days[0] * DAY_MS,
    )
    for days[0] in range(6):
        await put(store, f"day {days[0]}")
        await one.turn()
    await one.stop()
    assert len(segments(tmp_path)) == 3
    checked(tmp_path)


async def test_a_chain_of_another_key_is_set_aside_and_a_new_one_begun(store: Store, tmp_path: Path) -> None:
    """The store was made anew, or the secret changed: events must still be accepted and told of."""
    await put(store, "old")
    await write(store, tmp_path, b"another secret")
    chain = chain_name(tmp_path)
    await put(store, "new")
    await write(store, tmp_path)
    assert refs(tmp_path) == ["new"]
    checked(tmp_path)
    closed = tmp_path / f"closed-{chain}"
    assert refs(closed) == ["old"]
    assert verify(closed, key_of(b"another secret")).whole


async def test_the_chains_key_is_kept_beside_the_embedded_store_alone(store: Store, tmp_path: Path) -> None:
    """So that files can be verified when nothing runs; it says no more than that store's own files."""
    key_file = tmp_path / "audit.key"
    await write(store, tmp_path / "audit", keeping=Keeping(tmp_path / "audit", key_file=key_file))
    assert bytes.fromhex(key_file.read_text()) == key_of(KEY)
    assert key_file.stat().st_mode & 0o077 == 0


async def test_a_head_in_the_store_shows_rows_that_were_cut_off_and_a_chain_that_was_made_anew(
    store: Store, tmp_path: Path
) -> None:
    """The files alone could not tell."""
    for number in range(10):
        await put(store, f"a{number}")
    await write(store, tmp_path)
    (head,) = (await heads.read_heads(store)).values()
    path = segments(tmp_path)[-1]
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    assert verify(tmp_path, key_of(KEY)).whole
    assert not verify(tmp_path, key_of(KEY), head=head.link).whole
    shutil.rmtree(tmp_path)
    Writer(tmp_path, key_of(KEY)).append("2026-11-22", [{"kind": "decided"}] * 12)  # by one who has the key
    assert not verify(tmp_path, key_of(KEY), head=head.link).whole


async def test_a_strange_head_is_left_out(store: Store) -> None:
    """Anybody may write into a hash."""
    fields: Any = {"a": "no JSON", "b": "[]", "c": "{}"}
    await store.redis.hset(AUDIT, mapping=fields)
    assert await heads.read_heads(store) == {}
