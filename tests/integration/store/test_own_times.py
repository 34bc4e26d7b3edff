"""Times that the store keeps itself: of a partition, by which delays are measured, and of denials, by which they are told apart."""

import time

from proxy.consent import Record
from proxy.entry import Entry, encode
from proxy.signals import Signals
from proxy.store.claims import AskLater, Claims, Park
from proxy.store.client import Store
from proxy.store.consents import Consents
from proxy.store.keys import consent_key, outbox_keys
from proxy.store.outbox import Outbox, Put
from tests.support.events import full_event
from tests.support.waiting import wait_until

KEYS = outbox_keys(0, "shop", "vendor")
HOUR_MS = 3_600_000


def now_ms() -> int:
    """Return Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


async def put(store: Store) -> None:
    """Put an entry into the outbox."""
    entry = encode(Entry(full_event(), "ref", "v", now_ms(), now_ms(), "v1"))
    await Outbox(store, partitions=1, most_entries=10).put(
        [Put("e0", False, "shop", [("vendor", "full|granted", entry)])]
    )


class TestAPartition:
    async def test_its_time_goes_on_where_the_stores_was_put_back(self, store: Store) -> None:
        """It was an hour later a moment ago: what is parked now waits its half second, and not an hour more or less."""
        ours = Claims(store, KEYS, site="shop", forwarder="vendor", worker="w1")
        await ours.prepare()
        await put(store)
        await store.redis.set(KEYS.clock, now_ms() + HOUR_MS)
        assert await ours.due(0) == []
        (one,) = await ours.new(1, block_ms=1000)
        await ours.settle([Park(one.id, 500), AskLater("1|asked", 500)])
        score = await store.redis.zscore(KEYS.parked, one.id)
        assert score is not None
        assert abs(float(score) - now_ms() - HOUR_MS) < 10_000
        assert await ours.asks_due() == []

        async def due() -> bool:
            return [each.id for each in await ours.due(10)] == [one.id]

        async def asked() -> bool:
            return await ours.asks_due() == ["1|asked"]

        await wait_until(due, what="the entry")
        await wait_until(asked, what="the question")

    async def test_it_is_the_stores_as_long_as_nobody_touches_that(self, store: Store) -> None:
        """However often and however slowly it is asked for: nothing adds up."""
        ours = [
            Claims(store, KEYS, site="shop", forwarder="vendor", worker=f"w{number}") for number in range(3)
        ]
        await ours[0].prepare()
        for _ in range(100):
            for one in ours:
                await one.due(0)
        assert -1000 <= int(await store.redis.get(KEYS.clock) or 0) - now_ms() <= 1


class TestDenials:
    async def test_their_marks_only_grow(self, store: Store) -> None:
        """Also where the one before was taken by a clock that was ahead: else two of them could not be told apart."""
        consents = Consents(store)
        await self.decide(consents, "gdgg")
        later = now_ms() + HOUR_MS
        await store.redis.hset(consent_key("shop", "v"), "denied_at", f"0,{later},{later},0")
        await self.decide(consents, "uduu")
        (found,) = await consents.read_many([("shop", "v")])
        assert isinstance(found.record, Record)
        assert found.record.denied_at == (0, later + 1, later, 0)

    async def decide(self, consents: Consents, signals: str) -> None:
        """Record a decision of now."""
        await consents.change(
            "shop",
            "v",
            Signals.from_code(signals),
            decided_at=now_ms(),
            source="test",
            gpc=False,
            policy_version="v1",
            proof="",
            keep_s=86_400,
            mode="decide",
            interest=False,
        )
