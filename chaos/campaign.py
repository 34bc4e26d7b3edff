"""One run: start, break everything for a while, heal, wait until nothing is pending, and compare the logs."""

import asyncio
import contextlib
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from chaos.apart import Apart
from chaos.clients import Crowd
from chaos.counts import Census, ask
from chaos.disk import Disk
from chaos.one import One
from chaos.plan import Blow, Illness, Plan, Strike, make_plan
from chaos.processes import living_in, sayso, zombies
from chaos.settings import TIMEOUT_S
from chaos.topology import Topology
from chaos.vendor import FakeVendors
from chaos.verify import Verdict, verify
from chaos.words import SITE, Vendor

_SLOTS = 48
_DRAIN_S = 150.0
_QUIET = 3
"""Looks in a row that must find nothing pending: an entry may be out of every count's sight for none."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What is asked for. ``events`` is about how many are sent in all. ``no_disk`` says why there is no small disk."""

    topology: str
    seed: int
    seconds: float
    events: int
    folder: Path
    no_disk: str
    say: Callable[[str], None]


@dataclass(slots=True)
class Result:
    """What came of a run. ``happened`` are the blows and illnesses: seconds from the start, and what it was."""

    orders: Orders
    plan: Plan
    verdict: Verdict
    happened: list[tuple[float, str]] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    visitors: int = 0
    vendor_requests: int = 0
    starts: dict[str, int] = field(default_factory=dict)
    ills: dict[str, int] = field(default_factory=dict)
    drained_s: float = 0.0
    notes: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing was wrong."""
        return not self.verdict.breaches


class Campaign:
    """See the module."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._happened: list[tuple[float, str]] = []
        self._breaches: list[str] = []
        self._began = 0.0
        self._last: Census | None = None

    async def run(self) -> Result:
        """Do all of it.

        Raises:
            NotReadyError: Sayso does not even start.
        """
        orders = self._orders
        disk = None if orders.no_disk else Disk.mount(orders.folder / "disk")
        async with FakeVendors(orders.seed, timeout_s=TIMEOUT_S) as vendors:
            topology: Topology = (
                One(orders.folder, disk, origin=vendors.origin)
                if orders.topology == "one"
                else Apart(orders.folder, disk, origin=vendors.origin, seed=orders.seed)
            )
            plan = make_plan(
                orders.seed,
                orders.seconds,
                [one for one in topology.blows if disk is not None or one is not Blow.FULL_DISK],
                alone=len(topology.parents()) == 1,
            )
            crowd = Crowd(
                orders.seed,
                topology.gateways,
                pace_s=_SLOTS * 1.7 * orders.seconds / orders.events,
                mark=f"o{orders.seed}",
            )
            try:
                orders.say(f"starting {topology.title}")
                await topology.start()
                self._began = time.monotonic()
                await self._break(plan, topology, vendors, crowd)
                drained_s = await self._drain(topology)
            finally:
                late = await topology.stop()
        self._breaches += [f"{name} did not end within 20 s of SIGTERM" for name in late]
        self._look_around(topology)
        verdict = self._judge(crowd, vendors)
        return Result(
            orders,
            plan,
            verdict,
            sorted(self._happened),
            not_run=[f"{Blow.FULL_DISK}: {orders.no_disk}"] if orders.no_disk else [],
            statuses=crowd.book.statuses,
            visitors=crowd.visitors,
            vendor_requests=vendors.log.requests,
            starts={one.name: one.starts for one in topology.managed},
            ills={f"{vendor} {ill}": hits for (vendor, ill), hits in sorted(vendors.log.hits.items())},
            drained_s=drained_s,
        )

    # --- while it breaks --------------------------------------------------------------------------------------------

    async def _break(self, plan: Plan, topology: Topology, vendors: FakeVendors, crowd: Crowd) -> None:
        self._orders.say(
            f"{len(plan.strikes)} blows and {len(plan.illnesses)} illnesses in {plan.seconds:.0f} s"
        )
        clients = asyncio.create_task(crowd.run(_SLOTS))
        watcher = asyncio.create_task(self._watch(topology))
        tasks = [
            *(asyncio.create_task(self._strike(one, topology)) for one in plan.strikes),
            *(asyncio.create_task(self._sicken(one, vendors)) for one in plan.illnesses),
        ]
        try:
            await asyncio.sleep(plan.seconds)
            await asyncio.gather(*tasks)
        finally:
            for task in (watcher, *tasks):
                task.cancel()
            vendors.heal()
            topology.heal()
            crowd.stop()
            await asyncio.gather(clients, return_exceptions=False)
            await asyncio.gather(watcher, *tasks, return_exceptions=True)

    async def _until(self, at: float) -> None:
        await asyncio.sleep(max(self._began + at - time.monotonic(), 0))

    async def _strike(self, strike: Strike, topology: Topology) -> None:
        await self._until(strike.at)
        at = time.monotonic() - self._began
        hit = await topology.strike(strike)
        lasted = time.monotonic() - self._began - at
        self._happened.append((at, f"{strike.blow} for {lasted:.1f} s: {hit or 'nothing was there to hit'}"))

    async def _sicken(self, illness: Illness, vendors: FakeVendors) -> None:
        await self._until(illness.at)
        at = time.monotonic() - self._began
        vendors.fall_ill(illness)
        await asyncio.sleep(illness.lasts)
        vendors.recover(illness)
        who = f"{illness.vendor}'s token server" if illness.token else illness.vendor
        self._happened.append(
            (at, f"{who} {illness.ill} for {illness.lasts:.1f} s, {illness.chance:.0%} of requests")
        )

    async def _watch(self, topology: Topology) -> None:
        """Look at the sums while everything breaks: they hold at any moment."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2.0)) as session:
            while True:
                await asyncio.sleep(2.0)
                self._check_sums(await ask(session, topology.admins))

    def _check_sums(self, census: Census | None) -> None:
        for vendor, counts in (census or {}).items():
            if not counts.adds_up:
                at = time.monotonic() - self._began
                self._breaches.append(f"{vendor}: at {at:.1f} s the sum did not hold: {counts.words()}")

    # --- afterwards -------------------------------------------------------------------------------------------------

    async def _drain(self, topology: Topology) -> float:
        """Wait until nothing is pending, as an operator would: what the vendors had paused is resumed."""
        self._orders.say("healed; waiting until nothing is pending")
        since = time.monotonic()
        quiet = 0
        resumed = 0.0
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3.0)) as session:
            while time.monotonic() - since < _DRAIN_S and quiet < _QUIET:
                census = await ask(session, topology.admins)
                self._check_sums(census)
                if census is not None:
                    self._last = census
                waits = census is None or any(one.pending for one in census.values())
                quiet = 0 if waits else quiet + 1
                if waits and time.monotonic() - resumed > 20.0:
                    resumed = time.monotonic()
                    await self._resume(topology, census)
                await asyncio.sleep(0.4)
        return time.monotonic() - since

    async def _resume(self, topology: Topology, census: Census | None) -> None:
        names = [one for one in Vendor if census is None or census[one].pending]
        for name in names:
            process = await asyncio.create_subprocess_exec(
                *sayso("resume", SITE, name, "--config", topology.config),
                cwd=topology.folder,
                env={**os.environ, **topology.environment},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            _, said = await process.communicate()
            if process.returncode:
                self._happened.append(
                    (
                        time.monotonic() - self._began,
                        f"sayso resume {name}: {said.decode(errors='replace').strip()}",
                    )
                )

    def _look_around(self, topology: Topology) -> None:
        """Look for what must not be left, and for what must not have been said."""
        self._breaches += [f"still alive: {one}" for one in living_in(topology.folder)]
        self._breaches += [f"zombie: {one}" for one in zombies()]
        sockets = [one for one in topology.folder.rglob("*") if one.is_socket()]
        self._breaches += [f"socket left: {one}" for one in sockets]
        for process in topology.managed:
            with contextlib.suppress(FileNotFoundError):
                text = process.log.read_text(encoding="utf-8", errors="replace")
                self._breaches += [
                    f"{process.name} said: {line}"
                    for line in text.splitlines()
                    if "Traceback (most recent call last)" in line or '"level": "critical"' in line
                ]
        for log in topology.store_logs():
            if log.parent != topology.folder and log.exists():
                (topology.folder / log.name).write_bytes(log.read_bytes())

    def _judge(self, crowd: Crowd, vendors: FakeVendors) -> Verdict:
        if self._last is None:
            return Verdict({}, ["/metrics never answered after everything was healed", *self._breaches])
        verdict = verify(crowd.book, vendors.log, self._last)
        verdict.breaches += self._breaches
        return verdict
