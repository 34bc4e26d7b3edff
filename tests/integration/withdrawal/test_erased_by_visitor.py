"""A visitor has everything erased with their own cookie: what waits in outboxes goes with the next sweep."""

from dataclasses import replace
from typing import Any

from proxy.consent import Record
from proxy.store.client import Store
from proxy.store.erasure import erase_keys, kept_s
from proxy.store.keys import WITHDRAWN, outbox_keys
from tests.support.delivery import FAST, SITE, Scene, link, site_of
from tests.support.waiting import wait_until

VISITOR = "V" * 22
OTHER = "W" * 22


async def test_the_sweep_erases_what_a_withdrawal_would_only_lower(store: Store) -> None:
    """Dead letters and kept copies are deleted; a visitor who has only withdrawn keeps the cookieless form of theirs."""
    async with Scene(store, site_of(link())) as scene:
        keys = outbox_keys(0, SITE, "vendor")
        redis: Any = store.redis
        for visitor in (VISITOR, OTHER):
            await scene.decide("gggg", visitor=visitor)
            await scene.full(f"dead-{visitor[0]}", visitor=visitor)
            ((entry_id, fields),) = await redis.xrevrange(keys.stream, count=1)
            await redis.xadd(keys.dead, {**fields, "o": "rejected|vendor_rejected", "w": "no"})
            await redis.xdel(keys.stream, entry_id)
        await scene.decide("uuuu", visitor=OTHER, mode="withdraw")
        await scene.consents.note(SITE, OTHER)
        held = await erase_keys(store, SITE, VISITOR, keep_s=kept_s(90 * 86_400))
        assert held == {"record": 1, "session": 0, "history": 1, "attribution": 0}
        await scene.work(pace=replace(FAST, marks_s=0.05, marks_ms=50))

        async def swept() -> bool:
            return int(await redis.zcard(WITHDRAWN)) == 0

        await wait_until(swept, what="the sweep")
        left = [fields[b"e"] for _, fields in await redis.xrange(keys.dead)]
        assert len(left) == 1
        assert b'"m":"c"' in left[0]
        (found,) = await scene.consents.read_many([(SITE, VISITOR)])
        assert isinstance(found.record, Record)
        assert found.record.erased


async def test_a_source_of_that_name_is_no_erasure(store: Store) -> None:
    """Who states a refusal may call its source what they like."""
    async with Scene(store, site_of(link())) as scene:
        await scene.consents.change(
            SITE,
            VISITOR,
            (await scene.decide("dddd", visitor=OTHER)).signals,
            decided_at=1,
            source="erased",
            gpc=False,
            policy_version="v1",
            proof="",
            keep_s=1000,
            mode="decide",
            interest=False,
        )
        (found,) = await scene.consents.read_many([(SITE, VISITOR)])
        assert isinstance(found.record, Record)
        assert found.record.tombstone
        assert not found.record.erased
