"""``read.lua``: the records and sessions of many visitors in one round trip, whatever is wrong with some of them."""

import asyncio
from typing import Literal

import pytest

from proxy.consent import UNREADABLE, Record
from proxy.signals import ALL_GRANTED, ALL_UNKNOWN
from proxy.store.client import Store
from proxy.store.consents import Ask, Consents, Found
from proxy.store.keys import SESSION_TTL_S, consent_key, session_key
from tests.support.rig import GRANT, ask

NOW_S = 1_795_341_600
OLDEST = (NOW_S - 86_400) * 1000
A, B, C = "A" * 22, "B" * 22, "C" * 22
Touch = Literal["0", "1", "2"]


async def put(store: Store, visitor: str = A, /, **fields: str | int) -> None:
    """Write a record as another system would."""
    pairs = [part for pair in fields.items() for part in pair]
    await ask(store, "HSET", consent_key("shop", visitor), *pairs)


async def read(store: Store, touch: Touch, visitor: str = A) -> Found:
    """Read one visitor."""
    return await Consents(store).read(Ask("shop", visitor, touch, NOW_S, OLDEST))


class TestRecords:
    async def test_none_is_none(self, store: Store) -> None:
        found = await read(store, "0")
        assert (found.record, found.session_start) == (None, None)

    async def test_the_time_of_reading_is_the_stores(self, store: Store) -> None:
        seconds, micros = await ask(store, "TIME")
        found = await read(store, "0")
        assert 0 <= found.read_at - (int(seconds) * 1000 + int(micros) // 1000) < 1000

    async def test_all_fields_come_back(self, store: Store) -> None:
        await put(store, **GRANT, source="crm", decided_at=5, gpc="1", policy_version="v", proof="ø")
        record = (await read(store, "0")).record
        assert record == Record(
            signals=ALL_GRANTED, source="crm", decided_at=5, gpc=True, policy_version="v", proof="ø"
        )

    async def test_a_hash_of_other_fields_is_no_record(self, store: Store) -> None:
        await put(store, something="else")
        assert (await read(store, "0")).record is None

    async def test_an_empty_field_is_a_record_of_nothing(self, store: Store) -> None:
        await put(store, source="")
        record = (await read(store, "0")).record
        assert isinstance(record, Record)
        assert record.signals is ALL_UNKNOWN

    async def test_many_come_back_in_the_order_asked_for(self, store: Store) -> None:
        """And one that cannot be read does not cost the others theirs."""
        await put(store, A, **GRANT, decided_at=1)
        await store.redis.set(consent_key("shop", B), "no hash")
        found = await Consents(store).read_many(
            [("shop", B), ("shop", A), ("other", A), ("shop", C), ("shop", A)]
        )
        assert found[0].record is UNREADABLE
        assert [one.record is None for one in found] == [False, False, True, True, False]
        assert found[1] == found[4]

    async def test_those_asked_for_at_the_same_time_share_a_round_trip(self, store: Store) -> None:
        consents = Consents(store)
        await consents.read(Ask("shop", A, "0", NOW_S, OLDEST))
        before = (await store.redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
        await asyncio.gather(
            *(consents.read(Ask("shop", f"{n:0>22}", "0", NOW_S, OLDEST)) for n in range(200))
        )
        after = (await store.redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
        assert after - before <= 3


class TestSessions:
    @pytest.mark.parametrize(
        ("touch", "fields", "begins"),
        [
            ("0", {**GRANT, "decided_at": OLDEST + 1}, False),
            ("1", {**GRANT, "decided_at": OLDEST + 1}, True),
            ("1", {**GRANT, "decided_at": OLDEST - 1}, False),
            ("1", {**GRANT, "decided_at": OLDEST + 1, "times": f"{OLDEST - 1},0,0,0"}, False),
            ("1", {**GRANT, "decided_at": 0, "times": f"{OLDEST + 1},0,0,0"}, True),
            ("1", {**GRANT, "decided_at": OLDEST + 1, "tombstone": "1"}, False),
            ("1", {"analytics_storage": "denied", "decided_at": OLDEST + 1}, False),
            ("1", {"ad_storage": "granted", "decided_at": OLDEST + 1}, False),
            ("1", {}, False),
            ("2", {}, True),
            ("2", {"ad_storage": "denied"}, True),
            ("2", {"analytics_storage": "denied"}, False),
            ("2", {"tombstone": "1"}, False),
            ("2", {**GRANT, "decided_at": OLDEST - 1}, True),
        ],
    )
    async def test_one_begins_only_where_statistics_are_allowed(
        self, store: Store, touch: Touch, fields: dict[str, str | int], begins: bool
    ) -> None:
        if fields:
            await put(store, **fields)
        found = await read(store, touch)
        assert found.session_start == (NOW_S if begins else None)
        assert bool(await store.redis.exists(session_key("shop", A))) is begins

    async def test_it_goes_on_and_is_not_written_at_each_event(self, store: Store) -> None:
        """A write is a sync to disk; the last minute of thirty is near enough."""
        key = session_key("shop", A)
        await store.redis.set(key, NOW_S - 500, ex=SESSION_TTL_S - 30)
        assert (await read(store, "2")).session_start == NOW_S - 500
        assert await store.redis.ttl(key) <= SESSION_TTL_S - 30
        await store.redis.expire(key, SESSION_TTL_S - 61)
        assert (await read(store, "2")).session_start == NOW_S - 500
        assert await store.redis.ttl(key) > SESSION_TTL_S - 5

    async def test_one_that_may_not_be_prolonged_is_still_told(self, store: Store) -> None:
        await store.redis.set(session_key("shop", A), NOW_S - 5)
        assert (await read(store, "0")).session_start == NOW_S - 5

    @pytest.mark.parametrize("spoiled", ["no number", "-5", "1.5", "9" * 400, "", " 17"])
    async def test_a_spoiled_one_is_begun_anew(self, store: Store, spoiled: str) -> None:
        await store.redis.set(session_key("shop", A), spoiled)
        assert (await read(store, "0")).session_start is None
        assert (await read(store, "2")).session_start == NOW_S

    async def test_so_is_one_of_another_type(self, store: Store) -> None:
        await ask(store, "RPUSH", session_key("shop", A), "x")
        assert (await read(store, "0")).session_start is None
        assert (await read(store, "2")).session_start == NOW_S
