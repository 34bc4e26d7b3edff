"""One outbox partition of one forwarder: claims entries, gathers them into batches, and sends those off.

Entries are in hand from their claim until a batch's ``carry`` returns. Never more than ``bound`` are, so that memory
stays bounded however many wait and however slow the vendor is; and nobody else waits for that vendor.
"""

import asyncio
import logging
from collections.abc import Sequence

from proxy.delivery.backoff import CAP_S, State
from proxy.delivery.clock import Clock
from proxy.delivery.courier import Courier
from proxy.delivery.crew import Crew
from proxy.delivery.expiry import Expiry
from proxy.delivery.pace import Pace
from proxy.delivery.sending import Sender
from proxy.delivery.settling import Settler
from proxy.delivery.triage import Full, Gathering, InHand, ends_at, expired
from proxy.store.claims import Claimed, Claims, End
from proxy.store.client import StoreUnavailableError

log = logging.getLogger("sayso.delivery")

_MOST_IN_HAND = 10_000
_AT_ONCE = 1000
"""Entries that one claim brings; more would keep this process, and the store, from everything else."""


def bound_of(in_flight: int, limit: int) -> int:
    """Return how many entries may be in hand: all requests under way, full; a few more where each goes alone."""
    return max(limit, min(in_flight * max(limit, 16), _MOST_IN_HAND))


class Lane:
    """See the module.

    Args:
        courier: the forwarder's way out, shared with its other partitions.
        claims: the outbox partition.
        sender: takes batches to the vendor.
        settler: settles what ends before it is sent.
        clock: the time.
        pace: how long things take.
        linger_s: how long a batch may wait to be filled.
        bound: how many entries may be in hand.
    """

    def __init__(
        self,
        courier: Courier,
        claims: Claims,
        sender: Sender,
        settler: Settler,
        *,
        clock: Clock,
        pace: Pace,
        linger_s: float,
        bound: int,
    ) -> None:
        self._courier = courier
        self._claims = claims
        self._clock = clock
        self._pace = pace
        self._limit = courier.forwarder.batch.limit
        self._linger_s = linger_s if self._limit > 1 else 0.0
        self._gathering = Gathering(courier.fit)
        self._gathered_since = 0.0
        self._crew = Crew(courier, sender, settler, clock=clock, bound=bound)
        self._expiry = Expiry(claims, self._too_old, settler.settle)
        self._worthwhile = min(max(bound // 4, 1), _AT_ONCE)  # less room is not worth a round trip
        self._due_at = 0.0
        self._look_at = clock.monotonic() + pace.silence_ms / 1000
        self._sweep_at = clock.monotonic() + pace.sweep_s
        self._recoveries = 0
        self._early_ms = 0

    async def run(self) -> None:
        """Deliver until cancelled; while the store is away, wait for it."""
        away = False
        while True:
            try:
                await self._claims.prepare()
                if away:
                    away = False
                    log.info("%s: the store is back", self._courier.name)
                while True:
                    await self._turn()
            except StoreUnavailableError as error:
                if not away:
                    away = True
                    log.warning("%s: the store is away (%s)", self._courier.name, error)
                await asyncio.sleep(self._pace.store_s)

    async def finish(self, within_s: float) -> None:
        """After ``run`` was cancelled: let what is under way finish. Others hear of this worker until then."""
        beating = asyncio.create_task(self._beat())
        try:
            await self._crew.finish(within_s)
        finally:
            beating.cancel()

    async def leave(self) -> None:
        """After ``finish``: give everything else back.

        Raises:
            StoreUnavailableError: it could not be given back; others will claim it when this worker falls silent.
        """
        await self._claims.leave()

    async def _beat(self) -> None:
        while True:
            try:
                await self._claims.due(0, silence_ms=self._pace.silence_ms)
            except StoreUnavailableError as error:
                log.debug("%s: no sign of life (%s)", self._courier.name, error)
            await asyncio.sleep(self._pace.heartbeat_s)

    # --- one turn -------------------------------------------------------------------------------------------------

    async def _turn(self) -> None:
        await self._look_for_lost()
        breaker = self._courier.breaker
        if breaker.recoveries != self._recoveries:  # it works again: nothing parked need wait any longer
            self._recoveries = breaker.recoveries
            self._early_ms = int(CAP_S * 1000)
        if breaker.state is not State.RUNNING:
            await self._still_turn()
            return
        room = min(self._crew.hand.room, _AT_ONCE)
        claimed: list[Claimed] = []
        if room >= self._worthwhile:
            claimed = await self._claim_due(room)
            if not claimed:
                claimed = await self._claims.new(room, block_ms=self._block_ms())
        else:
            await self._claim_due(0)
            await self._crew.hand.wait(self._worthwhile, self._block_ms() / 1000)
        await self._take(claimed)
        # Without room for more there is nobody left to wait for.
        lingered = self._clock.monotonic() - self._gathered_since >= self._linger_s
        if self._gathering and (lingered or self._crew.hand.room < self._worthwhile):
            self._depart()

    async def _claim_due(self, most: int) -> list[Claimed]:
        """Claim what is due, if it is time to look. Also without room, as it tells the others that we live."""
        now = self._clock.monotonic()
        early_ms = self._early_ms if most > 0 else 0
        if now < self._due_at and not early_ms:
            return []
        claimed = await self._claims.due(max(most, 0), silence_ms=self._pace.silence_ms, early_ms=early_ms)
        if len(claimed) < most:
            self._early_ms = 0
        if len(claimed) < max(most, 1):  # else there is more of it
            self._due_at = now + self._pace.heartbeat_s
        return claimed

    def _block_ms(self) -> int:
        """Return how long to wait for new entries: until the next look, or until the batch has to leave."""
        now = self._clock.monotonic()
        until = self._due_at
        if self._gathering:
            until = min(until, self._gathered_since + self._linger_s)
        return max(int((until - now) * 1000), 1)

    async def _take(self, claimed: Sequence[Claimed]) -> None:
        ended, live = self._crew.take(claimed)
        self._gather(live)
        await self._crew.end(ended)

    def _gather(self, live: Sequence[InHand]) -> None:
        for one in live:
            if isinstance(one, Full):
                if not self._gathering:
                    self._gathered_since = self._clock.monotonic()
                if (batch := self._gathering.add(one)) is not None:
                    self._crew.carry(batch)
            else:
                self._crew.carry([one])

    def _depart(self) -> None:
        for batch in self._gathering.take():
            self._crew.carry(batch)

    # --- while nothing is sent --------------------------------------------------------------------------------------

    async def _still_turn(self) -> None:
        """Keep everything in the outbox, but for what is too old; send one batch when the vendor is to be tried."""
        await self._crew.give([one for batch in self._gathering.take() for one in batch])
        if self._clock.monotonic() >= self._sweep_at:
            self._sweep_at = self._clock.monotonic() + self._pace.sweep_s
            await self._expiry.sweep()
        wait_s = self._courier.breaker.wait_s()
        if wait_s > 0:
            await self._claim_due(0)
            await asyncio.sleep(min(wait_s, self._pace.heartbeat_s))
            return
        live = await self._claim_live(self._limit, early_ms=int(CAP_S * 1000))
        if live:
            await self._try_vendor(live)

    def _too_old(self, one: Claimed) -> End | None:
        if one.entry is None or one.id in self._crew.hand.ids:
            return None
        courier = self._courier
        if self._clock.now_ms() < ends_at(one.entry, courier.link, courier.site.policy):
            return None
        return expired(one.id, unauthorised=courier.breaker.state is State.PAUSED)

    async def _claim_live(self, most: int, *, early_ms: int) -> list[InHand]:
        """Claim entries, and where there are no others, such as are parked for ``early_ms`` at most.

        Returns those of them that may be sent.
        """
        room = min(most, self._crew.hand.room, _AT_ONCE)
        if room <= 0:
            await self._crew.hand.wait(1, self._pace.heartbeat_s)
            return []
        silence_ms = self._pace.silence_ms
        claimed = await self._claims.due(room, silence_ms=silence_ms)
        if not claimed:
            claimed = await self._claims.new(room, block_ms=max(int(self._pace.heartbeat_s * 1000), 1))
        if not claimed and early_ms:
            claimed = await self._claims.due(room, silence_ms=silence_ms, early_ms=early_ms)
        ended, live = self._crew.take(claimed)
        await self._crew.end(ended)
        return live

    async def _try_vendor(self, live: Sequence[InHand]) -> None:
        gathering = Gathering(self._courier.fit)
        batches: list[list[InHand]] = []
        for one in live:
            batch = gathering.add(one) if isinstance(one, Full) else [one]
            if batch is not None:
                batches.append([*batch])
        batches += [[*batch] for batch in gathering.take()]
        trial = self._crew.carry(batches[0])
        while not trial.done():
            await asyncio.wait([trial], timeout=self._pace.heartbeat_s)
            try:
                await self._claim_due(0)
            except StoreUnavailableError as error:
                # Not to be left by this: the rest of what was claimed is known to nobody else, and would stay in hand.
                log.debug("%s: no sign of life (%s)", self._courier.name, error)
        rest = [one for batch in batches[1:] for one in batch]
        if self._courier.breaker.state is State.RUNNING:
            self._gather(rest)
        else:
            await self._crew.give(rest)

    async def _look_for_lost(self) -> None:
        """Take up what the store says is this worker's though it never came: the answer was lost on the way."""
        now = self._clock.monotonic()
        if now >= self._look_at:
            self._look_at = now + self._pace.silence_ms / 1000
            await self._take(await self._claims.unseen(self._crew.hand.ids, idle_ms=self._pace.silence_ms))
