"""The store's own clock is put forward and back: delays, signs of life, denials and sessions do not mind."""

import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from proxy.consent import Record, still_allows
from proxy.entry import Entry, encode
from proxy.signals import Signals
from proxy.store.claims import AskLater, Claims, Park
from proxy.store.client import Store
from proxy.store.consents import Ask, Changed, Consents
from proxy.store.keys import outbox_keys
from proxy.store.outbox import Outbox, Put
from tests.support.events import full_event
from tests.support.own_valkey import Valkey
from tests.support.turned_clock import Dial, needs_faketime
from tests.support.waiting import wait_until

pytestmark = needs_faketime
KEYS = outbox_keys(0, "shop", "vendor")
HOUR_S = 3600
DAY_MS = 86_400_000
NEEDS = (1, 2, 3)
SILENCE_MS = 2000


@pytest.fixture
def dial() -> Iterator[Dial]:
    """Return the dial of the store's clock."""
    with tempfile.TemporaryDirectory(prefix="sayso-") as folder:
        yield Dial(Path(folder))


@pytest.fixture
async def turned(dial: Dial) -> AsyncIterator[Store]:
    """Return a store whose clock can be turned."""
    with tempfile.TemporaryDirectory(prefix="sayso-") as folder:
        server = Valkey(Path(folder), dial.environment)
        server.start()
        store = Store(server.url)
        yield store
        await store.close()
        server.stop()


async def turn(store: Store, dial: Dial, seconds: float) -> None:
    """Put the store's clock so many seconds off, and wait until it goes by that."""
    dial.turn(seconds)

    async def turned() -> bool:
        return abs((await store.redis.time())[0] - time.time() - seconds) < 5

    await wait_until(turned, what="the store's clock")


def claims(store: Store, worker: str = "w1") -> Claims:
    """Return the outbox as a worker sees it."""
    return Claims(store, KEYS, site="shop", forwarder="vendor", worker=worker)


async def put(store: Store, *ids: str) -> None:
    """Put entries into the outbox."""
    outbox = Outbox(store, partitions=1, most_entries=1000)
    now_ms = time.time_ns() // 1_000_000
    puts = [
        Put(
            one,
            False,
            "shop",
            [("vendor", "full|granted", encode(Entry(full_event(), one, "v", now_ms, now_ms, "v1")))],
        )
        for one in ids
    ]
    await outbox.put(puts)


@pytest.mark.parametrize("hours", [-1, -100, 1, 100])
async def test_a_delay_is_as_long_as_it_was_meant(turned: Store, dial: Dial, hours: int) -> None:
    """An entry that waits half a second does not wait an hour longer; put forward, it comes at once."""
    ours = claims(turned)
    await ours.prepare()
    await put(turned, "e0")
    await ours.due(0)
    (one,) = await ours.new(1, block_ms=1000)
    await ours.settle([Park(one.id, 500), AskLater("1|asked", 500)])
    await turn(turned, dial, hours * HOUR_S)
    found: list[str] = []

    async def due() -> bool:
        found.extend(one.id for one in await ours.due(10))
        return bool(found)

    began = time.monotonic()
    await wait_until(due, what="the entry")
    assert time.monotonic() - began < 20
    assert found == [one.id]
    await wait_until(lambda: asked(ours), what="the question")


async def asked(ours: Claims) -> bool:
    """Tell whether there is something to ask about."""
    return bool(await ours.asks_due())


async def test_a_worker_that_begins_after_the_step_waits_no_longer(turned: Store, dial: Dial) -> None:
    """What time it was is remembered in the store, though nobody is left who has seen it."""
    ours = claims(turned)
    await ours.prepare()
    await put(turned, "e0")
    await ours.due(0)
    (one,) = await ours.new(1, block_ms=1000)
    await ours.settle([Park(one.id, 500)])
    await turn(turned, dial, -HOUR_S)
    other = claims(turned, "w2")

    async def due() -> bool:
        return bool(await other.due(10))

    await wait_until(due, what="the entry")


async def test_delays_after_a_step_are_not_cut_short(turned: Store, dial: Dial) -> None:
    """An entry that is parked when the clock has been put back waits for its whole time, too."""
    ours = claims(turned)
    await ours.prepare()
    await put(turned, "e0")
    await ours.due(0)
    (one,) = await ours.new(1, block_ms=1000)
    await turn(turned, dial, -HOUR_S)
    await ours.due(0)
    await ours.settle([Park(one.id, 60_000)])
    assert await ours.due(10) == []
    assert [each.id for each in await ours.due(10, early_ms=60_000)] == [one.id]


class TestSignsOfLife:
    async def test_the_dead_are_found_though_their_last_sign_lies_in_the_future(
        self, turned: Store, dial: Dial
    ) -> None:
        """What a killed worker held is others' after its silence, not after the hour by which the clock was put back."""
        gone, other = claims(turned, "gone"), claims(turned, "other")
        await gone.prepare()
        await put(turned, "e0")
        await gone.due(0)
        (one,) = await gone.new(1, block_ms=1000)
        await turn(turned, dial, -HOUR_S)
        found: list[str] = []

        async def claimed() -> bool:
            found.extend(each.id for each in await other.due(10, silence_ms=SILENCE_MS))
            return bool(found)

        await wait_until(claimed, what="what the dead one held")
        assert found == [one.id]

    async def test_nobody_dies_of_a_clock_that_is_put_forward(self, turned: Store, dial: Dial) -> None:
        """Else two workers would send the same entries."""
        first, second = claims(turned, "first"), claims(turned, "second")
        await first.prepare()
        await put(turned, "e0")
        await first.due(0, silence_ms=SILENCE_MS)
        await second.due(0, silence_ms=SILENCE_MS)
        await first.new(1, block_ms=1000)
        await turn(turned, dial, 100 * HOUR_S)
        assert await second.due(10, silence_ms=SILENCE_MS) == []
        await first.due(0, silence_ms=SILENCE_MS)
        assert await second.due(10, silence_ms=SILENCE_MS) == []
        assert int(await turned.redis.zcard(KEYS.workers)) == 2


async def decide(store: Store, signals: str) -> Changed:
    """Record a decision of now."""
    return await Consents(store).change(
        "shop",
        "v",
        Signals.from_code(signals),
        decided_at=time.time_ns() // 1_000_000
        + 400 * DAY_MS,  # the script takes its own time where that is less
        source="test",
        gpc=False,
        policy_version="v1",
        proof="",
        keep_s=365 * 86_400,
        mode="decide",
        interest=False,
    )


async def read(store: Store) -> tuple[Record, int]:
    """Return the record and the store's time."""
    (found,) = await Consents(store).read_many([("shop", "v")])
    assert isinstance(found.record, Record)
    return found.record, found.read_at


async def test_a_denial_reaches_what_was_read_before_it_by_whatever_clock(turned: Store, dial: Dial) -> None:
    """The clock is put back between the two, and the visitor grants again: nothing that waited is released by it."""
    waiting: list[tuple[Record, int]] = []
    for number in range(3):
        await turn(turned, dial, number * 3 * HOUR_S)
        await decide(turned, "gggg")
        waiting.append(await read(turned))
        await turn(turned, dial, number * 3 * HOUR_S - HOUR_S)
        await decide(turned, "udud")
        await turn(turned, dial, (number + 1) * 3 * HOUR_S - HOUR_S)
        await decide(turned, "ugug")
        record, at = await read(turned)
        assert record.signals.all_granted()
        assert allows(record, record, at, at)
        assert not any(allows(record, old, old_at, at) for old, old_at in waiting)


def allows(record: Record, known: Record, read_at: int, now_ms: int) -> bool:
    """Tell whether an entry may go, on whose consent this was known."""
    return still_allows(
        record, NEEDS, read_at=read_at, now_ms=now_ms, max_age_ms=400 * DAY_MS, known=known.denied_at
    )


async def test_each_denial_bears_its_own_mark(turned: Store, dial: Dial) -> None:
    """Even if the clock goes back to the very moment of the one before."""
    marks = []
    for number in range(20):
        await turn(turned, dial, -number * 60)
        await decide(turned, "gdgg")
        marks.append((await read(turned))[0].denied_at[1])
    assert len(set(marks)) == 20


async def test_a_session_does_not_begin_in_the_future(turned: Store) -> None:
    """The gateway's clock was put back by an hour: the visitor's next event begins a session anew."""
    await decide(turned, "gggg")
    consents = Consents(turned)
    now_s = int(time.time())
    first = await consents.read(Ask("shop", "v", "1", now_s, 0))
    assert first.session_start == now_s
    assert (await consents.read(Ask("shop", "v", "1", now_s - 2, 0))).session_start == now_s, (
        "clocks differ a little"
    )
    assert (await consents.read(Ask("shop", "v", "1", now_s - HOUR_S, 0))).session_start == now_s - HOUR_S
    assert (await consents.read(Ask("shop", "v", "0", now_s - 2 * HOUR_S, 0))).session_start is None
