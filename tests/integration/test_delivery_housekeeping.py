"""What a removed forwarder leaves behind ends all the same, and what is kept of ended entries is not kept too long."""

import time
from typing import Any

from proxy.reasons import Outcome, OutcomeReason
from proxy.store.claims import DEAD_LETTER_S, Claims, End, Kept
from proxy.store.client import Store
from proxy.store.keys import outbox_keys
from proxy.store.outbox import Put
from tests.support.delivery import SITE, Scene, link, site_of
from tests.support.telling import Telling
from tests.support.waiting import wait_until

HOUR_MS = 3_600_000


def now_ms() -> int:
    """Return Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


async def test_entries_of_a_removed_forwarder_expire_after_72_hours(store: Store) -> None:
    """Nobody sends them, and nobody keeps them for ever; the sum holds for it as for any."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        await scene.full("old", to="gone", time_ms=now_ms() - 73 * HOUR_MS)
        await scene.full("new", to="gone")
        await scene.ping("new", to="gone")
        await scene.full("mine")
        await scene.work()
        await scene.settled(delivered_accepted=1)

        async def ended() -> bool:
            return (await scene.account("gone")).outcomes == {"expired|too_old": 1}

        await wait_until(ended, what="the end of what is too old")
        account = await scene.account("gone")
        assert (account.pending, account.adds_up) == (2, True)
        scene.clock.ahead_ms = 73 * HOUR_MS
        await scene.settled("gone", expired_too_old=3)
        assert scene.delivered_ids() == ["mine"]


async def test_two_processes_end_each_once_in_parts(store: Store) -> None:
    """However many there are, and whatever state they were left in."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        await scene.full(
            *(f"e{number}" for number in range(1300)), to="gone", time_ms=now_ms() - 73 * HOUR_MS
        )
        await scene.outbox.put([Put("x", False, SITE, [("gone", "full|granted", b"{}")])])
        dead = Claims(store, outbox_keys(0, SITE, "gone"), site=SITE, forwarder="gone", worker="dead")
        await dead.prepare()
        await dead.new(100, block_ms=None)
        await scene.work()
        await scene.work("w2")

        async def ended() -> bool:
            return (await scene.account("gone")).pending == 1

        await wait_until(ended, what="the end of what is too old")
        account = await scene.account("gone")
        assert account.outcomes == {"expired|too_old": 1300}
        assert account.adds_up
        scene.clock.ahead_ms = 73 * HOUR_MS  # what cannot be read is as old as its place
        await scene.settled("gone", expired_too_old=1301)


async def test_a_removed_site_is_ended_likewise(store: Store) -> None:
    """Its forwarders are gone with it."""
    async with Scene(store, site_of(link(Telling()))) as scene:
        await scene.outbox.put([Put("x", False, "closed", [("vendor", "full|granted", b"{}")])])
        scene.clock.ahead_ms = 73 * HOUR_MS
        await scene.work()
        stream = outbox_keys(0, "closed", "vendor").stream

        async def ended() -> bool:
            return int(await store.redis.xlen(stream)) == 0

        await wait_until(ended, what="the end of what a removed site has left")
        counts: Any = await store.redis.hgetall("sayso:{p0}:counts")
        assert counts[b"o|closed|vendor|expired|too_old"] == b"1"
        assert counts[b"f|closed|vendor"] == b"1"


async def test_what_is_kept_is_cut_off_though_nothing_ends_any_more(store: Store) -> None:
    """Dead letters after 72 hours, delivered entries after ``replay_hours``: not a time after the last one."""
    keys = outbox_keys(0, SITE, "vendor")
    async with Scene(store, site_of(link(Telling()))) as scene:
        await scene.full("e0", "e1")
        claims = Claims(store, keys, site=SITE, forwarder="vendor", worker="w", kept=Kept(7200, 100))
        await claims.prepare()
        first, second = await claims.new(10, block_ms=None)
        old = now_ms() - DEAD_LETTER_S * 1000 - 60_000
        await store.redis.xadd(
            keys.dead, {"e": "{}", "o": "rejected|vendor_rejected", "w": ""}, id=f"{old}-0"
        )
        await store.redis.xadd(keys.sent, {"e": "{}"}, id=f"{now_ms() - 3 * HOUR_MS}-0")
        await store.redis.xadd(keys.sent, {"e": "{}"}, id=f"{now_ms() - HOUR_MS}-0")
        await scene.work(kept=Kept(7200, 100))

        async def cut() -> bool:
            return (await store.redis.xlen(keys.dead), await store.redis.xlen(keys.sent)) == (0, 1)

        await wait_until(cut, what="the end of what was kept too long")
        await claims.settle(
            [
                End(first.id, Outcome.DELIVERED, OutcomeReason.ACCEPTED),
                End(second.id, Outcome.REJECTED, OutcomeReason.VENDOR_REJECTED, "no"),
            ]
        )
        assert await store.redis.xlen(keys.sent) == 2
        assert await store.redis.xlen(keys.dead) == 1


async def test_what_was_kept_goes_when_that_is_turned_off(store: Store) -> None:
    """Not first when its time would have been over."""
    keys = outbox_keys(0, SITE, "vendor")
    async with Scene(store, site_of(link(Telling())), kept=Kept(7200, 100)) as scene:
        await scene.full("e0")
        delivery = await scene.work()
        await scene.settled(delivered_accepted=1)
        assert await store.redis.xlen(keys.sent) == 1
        await delivery.stop()
        await scene.work("w2", kept=Kept(0, 100))

        async def gone() -> bool:
            return not await store.redis.exists(keys.sent)

        await wait_until(gone, what="the end of what was kept")
