"""Delivery of all sites: one lane per site, forwarder and partition, and what they need. Wiring, start and stop."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress

from proxy.clocks import VendorClocks
from proxy.delivery.attempts import OnAttempt
from proxy.delivery.clock import Clock, SystemClock
from proxy.delivery.courier import Courier
from proxy.delivery.crew import place_of
from proxy.delivery.egress import secrets_of
from proxy.delivery.follow_ups import FollowUps, has_follow_ups
from proxy.delivery.housekeeping import Housekeeping
from proxy.delivery.lane import Lane, bound_of
from proxy.delivery.pace import Pace
from proxy.delivery.reread import Reread
from proxy.delivery.sending import OnSent, Sender
from proxy.delivery.settling import Settler
from proxy.delivery.states import Board, LinkState
from proxy.delivery.sweep import Sweep
from proxy.delivery.transport import Way
from proxy.metrics import CONSENT_READS, READS
from proxy.site import Site
from proxy.store.claims import NOTHING_KEPT, Claims, Kept
from proxy.store.client import Store, StoreUnavailableError
from proxy.store.consents import Consents
from proxy.store.keys import outbox_keys, partition_keys

log = logging.getLogger("sayso.delivery")

_RESTART_S = 1.0


class Delivery:
    """Delivers the outboxes of all sites. Any number of processes may do so side by side.

    Args:
        sites: whose outboxes.
        store: where they are.
        consents: the visitors' records, to be read again.
        partitions: how many parts each outbox has.
        origin: stands in for every vendor's host if set.
        proxy: an ordinary outbound HTTP proxy's URL, or empty.
        own: what stands in for every vendor's host at single sites, by their names; no proxy is asked there.
        worker_name: this process's name among the workers; unique per start.
        linger_ms: how long a batch may wait to be filled.
        timeout_s: seconds that a vendor has for an answer.
        in_flight: requests that one forwarder may have under way at once.
        kept: what is kept of delivered entries, for a replay.
        clock: the time.
        on_sent: told of each answer: site, forwarder, refs, mode, status, headers.
        on_attempt: told what each attempt of a batch came to.
        vendor_clocks: told what the vendors' answers say of our clock; not those of ``own``, who are on this machine.
        pace: how fast the wheels turn.
        chance: returns random numbers in [0, 1).
    """

    def __init__(
        self,
        sites: Sequence[Site],
        store: Store,
        consents: Consents,
        *,
        partitions: int,
        origin: str = "",
        proxy: str = "",
        own: Mapping[str, str] | None = None,
        worker_name: str,
        linger_ms: int = 200,
        timeout_s: float = 10.0,
        in_flight: int = 4,
        kept: Kept = NOTHING_KEPT,
        clock: Clock | None = None,
        on_sent: OnSent | None = None,
        on_attempt: OnAttempt | None = None,
        vendor_clocks: VendorClocks | None = None,
        pace: Pace | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._sites = sites
        self._store = store
        self._consents = consents
        self._partitions = partitions
        self._way = Way(origin, proxy)
        self._own = {name: Way(instead) for name, instead in (own or {}).items()}
        self._worker = worker_name
        self._linger_s = linger_ms / 1000
        self._timeout_s = timeout_s
        self._in_flight = in_flight
        self._kept = kept
        self._clock = clock or SystemClock()
        self._on_sent = on_sent
        self._on_attempt = on_attempt
        self._vendor_clocks = vendor_clocks
        self._pace = pace or Pace()
        self._chance = chance
        self._couriers: list[Courier] = []
        self._lanes: list[Lane] = []
        self._senders: list[Sender] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._board: Board | None = None
        self._orders_read = asyncio.Event()
        self._stopping = False

    async def start(self) -> None:
        """Begin to deliver. The store may be away; delivery begins when it is there."""
        secrets = secrets_of(link.forwarder for site in self._sites for link in site.links)
        reads = {result: CONSENT_READS.labels(result) for result in READS}
        for site in self._sites:
            for link in site.links:
                courier = Courier(
                    site,
                    link,
                    way=self._own.get(site.name, self._way),
                    timeout_s=self._timeout_s,
                    in_flight=self._in_flight,
                    secrets=secrets,
                    pace=self._pace,
                    clock=self._clock,
                    chance=self._chance,
                    clocks=self._vendor_clocks if site.name not in self._own else None,
                )
                self._couriers.append(courier)
                for partition in range(self._partitions):
                    self._open(courier, partition, lambda result: reads[result].inc())
        breakers = {(one.site.name, one.link.name): one.breaker for one in self._couriers}
        self._board = Board(self._store, breakers, self._clock)
        self._begin(self._keep_board, "board")
        housekeeping = Housekeeping(
            self._store,
            partitions=self._partitions,
            configured=lambda: {(site.name, link.name) for site in self._sites for link in site.links},
            kept=self._kept,
            worker=self._worker,
            clock=self._clock,
            pace=self._pace,
        )
        self._begin(housekeeping.run, "housekeeping")
        sweep = Sweep(
            self._sites,
            self._store,
            self._consents,
            partitions=self._partitions,
            worker=self._worker,
            clock=self._clock,
            pace=self._pace,
        )
        self._begin(sweep.run, "sweep")

    def _open(self, courier: Courier, partition: int, count: Callable[[str], None]) -> None:
        """Make the lane of one partition of one forwarder's outbox."""
        site, link = courier.site, courier.link
        claims = Claims(
            self._store,
            outbox_keys(partition, site.name, link.name),
            site=site.name,
            forwarder=link.name,
            worker=self._worker,
            kept=self._kept,
        )
        settler = Settler(claims, courier.name, gather_s=self._pace.gather_s, pause_s=self._pace.store_s)
        reread = Reread(
            self._consents,
            site,
            link,
            self._clock,
            count,
            foresight_s=self._pace.foresight_s,
            hold_ms=self._pace.hold_ms,
        )
        sender = Sender(
            courier,
            reread,
            settler.settle,
            clock=self._clock,
            pace=self._pace,
            chance=self._chance,
            on_sent=self._on_sent,
            on_attempt=self._on_attempt,
        )
        lane = Lane(
            courier,
            claims,
            sender,
            settler,
            clock=self._clock,
            pace=self._pace,
            linger_s=self._linger_s,
            bound=bound_of(self._in_flight, link.forwarder.batch.limit),
        )
        self._senders.append(sender)
        self._lanes.append(lane)
        self._begin(self._in_order(lane.run), courier.name)
        if has_follow_ups(link.forwarder):
            follow_ups = FollowUps(courier, claims, self._pace)
            self._begin(self._in_order(follow_ups.run), f"{courier.name} follow-ups")

    def _in_order(self, run: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        """Let something wait for the operators' orders: a pause outlives a restart."""

        async def waiting() -> None:
            await self._orders_read.wait()
            await run()

        return waiting

    async def stop(self) -> None:
        """Stop claiming, let requests under way finish, and give everything else back; within ten seconds."""
        self._stopping = True
        for sender in self._senders:
            sender.stopping = True
        tasks, self._tasks = self._tasks, set()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pace.drain_s + 1.0):
                # All of them first: while one has a request under way, its entries must not seem a dead worker's.
                await _all(lane.finish(self._pace.drain_s) for lane in self._lanes)
                boards = [self._board.leave()] if self._board is not None else []
                await _all([*(lane.leave() for lane in self._lanes), *boards, self._say_farewell()])
        for courier in self._couriers:
            await courier.close()

    async def fall_silent(self) -> None:
        """Publish no states any more, as another delivery of the same outboxes is about to; deliver on until stopped."""
        if self._board is not None:
            try:
                await self._board.leave()
            except StoreUnavailableError as error:
                log.debug("the forwarders' states could not be taken back (%s)", error)

    async def _say_farewell(self) -> None:
        """Be no worker any more.

        Raises:
            StoreUnavailableError: the store does not answer; others will notice this worker's silence.
        """
        for partition in range(self._partitions):
            await self._store.guarded(self._store.redis.zrem(partition_keys(partition).workers, self._worker))

    def states(self) -> list[LinkState]:
        """Return how each forwarder is, as this process sees it."""
        return self._board.states() if self._board is not None else []

    async def _keep_board(self) -> None:
        board = self._board
        while board is not None:
            try:
                await board.turn()
                self._orders_read.set()
            except StoreUnavailableError as error:
                log.debug("the forwarders' states cannot be published (%s)", error)
            await asyncio.sleep(self._pace.orders_s)

    def _begin(self, run: Callable[[], Awaitable[None]], name: str) -> None:
        """Run something for as long as delivery runs; if a bug ends it, say so and run it again."""
        if self._stopping:
            return

        async def running() -> None:
            await run()

        task = asyncio.create_task(running())
        self._tasks.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                log.critical("%s ended (%s); it is run again", name, place_of(error))
                asyncio.get_running_loop().call_later(_RESTART_S, self._begin, run, name)

        task.add_done_callback(ended)


async def _all(ends: Iterable[Awaitable[None]]) -> None:
    """Await all, whatever becomes of each."""
    for result in await asyncio.gather(*ends, return_exceptions=True):
        if isinstance(result, Exception):  # others claim what is left once we are silent
            log.warning("entries could not be given back (%s)", type(result).__name__)
