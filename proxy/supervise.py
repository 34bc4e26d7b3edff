"""The gateway processes of one start: kept running, replaced without a gap when the configuration changes, and ended.

A *seat* is one worker and, after a crash, whoever is started in its place, always with the same settings. A reload makes
new seats on the same listening socket and gives up the old ones once the new ones take requests. As the socket itself is
the parent's, no connection is ever refused.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from proxy.admin import Part
from proxy.facts import Fact, of_processes, of_workers
from proxy.lifeline import Child, spawn

log = logging.getLogger("sayso")
_RESTART_S: Final = (0.0, 0.2, 1.0, 3.0, 10.0)
_STEADY_S: Final = 30.0
_STOP_S: Final = 8.0
START_S: Final = 60.0
"""How long workers with a new configuration may take to start before the old ones stay, in seconds."""
_REPLACED_S: Final = 15.0
"""How long a replaced worker may take to end, in seconds; its own limits are shorter."""


class _Seat:
    """One worker and its successors."""

    def __init__(
        self,
        number: int,
        descriptor: int,
        environment: Mapping[str, str],
        given: bytes,
        on_gone: Callable[[int], None],
        kept: Sequence[int],
    ) -> None:
        self._number = number
        self._descriptor = descriptor
        self._environment = dict(environment)
        self._given = given
        self._on_gone = on_gone
        self._inherits = [descriptor, *kept]
        self._given_up = asyncio.Event()
        self._child: Child | None = None
        self.restarts = 0
        self.started: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        """Whether the first worker took requests. If it did not, there is no second one."""

    @property
    def alive(self) -> bool:
        """Tell whether a worker runs."""
        return self._child is not None and self._child.process.returncode is None

    @property
    def pid(self) -> int | None:
        """The process id of the worker that runs."""
        return self._child.process.pid if self._child is not None and self.alive else None

    async def keep(self) -> None:
        """Run workers, one after the other, until the seat is given up."""
        failures = 0
        loop = asyncio.get_running_loop()
        while not self._given_up.is_set():
            since = loop.time()
            how = await self._run_one()
            if self._given_up.is_set():
                break
            failures = 0 if loop.time() - since > _STEADY_S else failures + 1
            self.restarts += 1
            log.error("gateway worker %d %s; it is started again", self._number, how)
            await self._wait(_RESTART_S[min(failures, len(_RESTART_S) - 1)])
        self._start_over(ready=False)

    async def _run_one(self) -> str:
        """Run one worker to its end; return in words how it ended."""
        command = [sys.executable, "-m", "proxy.worker", str(self._descriptor)]
        try:
            child = await spawn(
                command, inherit=self._inherits, environment=self._environment, given=self._given
            )
        except OSError as error:
            self._start_over(ready=False)
            return f"could not be started ({error.strerror})"
        self._child = child
        if self._given_up.is_set():
            self.end()
        self._start_over(ready=await child.ready())
        status = await child.process.wait()
        child.line.close()
        self._on_gone(child.process.pid)
        return f"ended with status {status}"

    def _start_over(self, *, ready: bool) -> None:
        """Note how the first start went."""
        if not self.started.done():
            self.started.set_result(ready)
            if not ready:
                self._given_up.set()

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._given_up.wait()
        except TimeoutError:
            return

    def end(self) -> None:
        """Give the seat up: the worker stops accepting, and finishes what is in hand."""
        self._given_up.set()
        if self._child is not None and self.alive:
            self._child.process.send_signal(signal.SIGTERM)

    def replaced(self) -> None:
        """Give the seat up, as others take new connections: the worker serves those that it has until they part."""
        self._given_up.set()
        if self._child is not None and self.alive:
            self._child.replaced()

    def kill(self) -> None:
        """End a worker that does not end."""
        if self._child is not None and self.alive:
            self._child.process.kill()


class Workers:
    """All gateway processes of this one.

    Args:
        descriptor: of the public socket, bound and listening.
        environment: what is added to the workers'.
        on_gone: told the process id of each worker that has ended.
        kept: descriptors that they keep open, besides.
    """

    def __init__(
        self,
        descriptor: int,
        environment: Mapping[str, str],
        on_gone: Callable[[int], None],
        *,
        kept: Sequence[int] = (),
    ) -> None:
        self._descriptor = descriptor
        self._environment = environment
        self._on_gone = on_gone
        self._kept = kept
        self._seats: list[_Seat] = []
        self._tasks: dict[_Seat, asyncio.Task[None]] = {}
        self._giving_up: set[asyncio.Task[None]] = set()
        self._restarts = 0
        """Of the seats before those that are now."""
        self._stopping = False

    async def use(self, number: int, given: bytes) -> bool:
        """Have that many workers serve from now on, and none of those before.

        Returns False, with everything as it was, if one of them cannot start. Call it from one place at a time.

        Args:
            number: how many.
            given: what they read from their stdin.
        """
        if self._giving_up:  # never more than two generations at once, however often this is called
            await asyncio.wait(self._giving_up)
        seats = [
            _Seat(one, self._descriptor, self._environment, given, self._on_gone, self._kept)
            for one in range(number)
        ]
        for seat in seats:
            task = asyncio.create_task(seat.keep())
            self._tasks[seat] = task
            task.add_done_callback(lambda _task, seat=seat: self._tasks.pop(seat, None))  # type: ignore[misc]  # mypy cannot infer a lambda with a default
        _, late = await asyncio.wait([seat.started for seat in seats], timeout=START_S)
        if late or not all(seat.started.result() for seat in seats):
            for seat in seats:
                if seat.started in late:
                    seat.end()
            # Those that did start have taken connections.
            self._give_up(seats)
            return False
        before, self._seats = self._seats, seats
        self._restarts += sum(seat.restarts for seat in before)
        self._give_up(before)
        return True

    def _give_up(self, seats: list[_Seat]) -> None:
        for seat in seats:
            seat.replaced()
        task = asyncio.create_task(self._end_of([self._tasks[seat] for seat in seats if seat in self._tasks]))
        self._giving_up.add(task)
        task.add_done_callback(self._giving_up.discard)

    async def _end_of(self, tasks: list[asyncio.Task[None]], within_s: float = _REPLACED_S) -> None:
        """Wait until seats are empty, and empty those that are not in time."""
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=within_s)
        for seat, task in list(self._tasks.items()):
            if task in late:
                log.warning("a gateway worker did not end in time and is killed")
                seat.kill()
        if late:
            await asyncio.wait(late, timeout=1.0)

    async def stop(self) -> None:
        """End all, also those that are just starting or being replaced: they stop accepting and finish what is in hand."""
        self._stopping = True
        for seat in list(self._tasks):
            seat.end()
        await self._end_of(list(self._tasks.values()), _STOP_S)

    def facts(self) -> list[Fact]:
        """Tell how many run, how often one was started again, and what memory all take, this process too."""
        pids = [seat.pid for seat in self._seats if seat.pid is not None]
        restarts = self._restarts + sum(seat.restarts for seat in self._seats)
        return [*of_workers(len(pids), len(self._seats), restarts), *of_processes(os.getpid(), pids)]

    async def part(self) -> dict[str, Part]:
        """Say how many run, and whether they still take what is new."""
        if self._stopping:
            return {"gateway": Part("not_ready", "it is stopping")}
        alive = sum(seat.alive for seat in self._seats)
        if alive == len(self._seats) > 0:
            return {"gateway": Part("ready")}
        words = f"{alive} of {len(self._seats)} workers run"
        return {"gateway": Part("degraded" if alive else "not_ready", words)}
