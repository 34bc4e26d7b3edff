"""Batches under way: each entry is in hand from its claim until what became of it is settled."""

import asyncio
import logging
from collections.abc import Sequence
from traceback import extract_tb

from proxy.delivery.backoff import State
from proxy.delivery.clock import Clock
from proxy.delivery.courier import Courier
from proxy.delivery.hand import Hand
from proxy.delivery.sending import Sender
from proxy.delivery.settling import Settler
from proxy.delivery.triage import InHand, sort
from proxy.store.claims import Claimed, End, Give

log = logging.getLogger("sayso.delivery")

_LAST_SETTLING_S = 0.5


class Crew:
    """Takes entries in hand, has them carried, and lets go of them.

    Args:
        courier: the forwarder's way out.
        sender: takes batches to the vendor.
        settler: settles what ends before it is sent.
        clock: the time.
        bound: how many entries may be in hand.
    """

    def __init__(
        self, courier: Courier, sender: Sender, settler: Settler, *, clock: Clock, bound: int
    ) -> None:
        self._courier = courier
        self._sender = sender
        self._settler = settler
        self._clock = clock
        self.hand = Hand(bound)
        self.tasks: set[asyncio.Task[None]] = set()
        """One per batch that is being carried."""

    def take(self, claimed: Sequence[Claimed]) -> tuple[list[End], list[InHand]]:
        """Take entries in hand; returns how some end at once, and those that are to be sent."""
        ended: list[End] = []
        live: list[InHand] = []
        now_ms, courier = self._clock.now_ms(), self._courier
        for one in claimed:
            self.hand.take(one.id)
            found = sort(
                one,
                courier.link,
                courier.site.policy,
                now_ms,
                unauthorised=courier.breaker.state is State.PAUSED,
            )
            if isinstance(found, End):
                ended.append(found)
            else:
                live.append(found)
        return ended, live

    def carry(self, batch: Sequence[InHand]) -> asyncio.Task[None]:
        """Send a batch off; it is let go of when it is settled."""
        held = self.hand.hold(one.id for one in batch)
        self._sender.expect(batch)
        task = asyncio.create_task(self._sender.carry(batch))
        self.tasks.add(task)

        def carried(task: asyncio.Task[None]) -> None:
            self.tasks.discard(task)
            self.hand.release(held)
            if not task.cancelled() and (error := task.exception()) is not None:
                # A bug. The entries are this worker's still, and come back as unseen.
                log.error("%s: a batch was left (%s)", self._courier.name, place_of(error))

        task.add_done_callback(carried)
        return task

    async def end(self, operations: Sequence[End | Give]) -> None:
        """Settle entries that are not sent, and let go of them."""
        if operations:
            held = self.hand.hold(one.id for one in operations)
            await self._settler.settle(operations)
            self.hand.release(held)

    async def give(self, live: Sequence[InHand]) -> None:
        """Give entries back, untried."""
        await self.end([Give(one.id) for one in live])

    async def finish(self, within_s: float) -> None:
        """Let what is under way finish; what has not by then is broken off."""
        if self.tasks:
            _, late = await asyncio.wait(self.tasks, timeout=within_s)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        await self._settler.close(_LAST_SETTLING_S)


def place_of(error: BaseException) -> str:
    """Name an error by its type and place; its text may quote what a visitor sent."""
    frames = extract_tb(error.__traceback__)
    return (
        f"{type(error).__name__} at {frames[-1].filename}:{frames[-1].lineno}"
        if frames
        else type(error).__name__
    )
