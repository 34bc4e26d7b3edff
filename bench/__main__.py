"""Measures the gateway against bare, naive and itself, and prints a table of ratios.

Whole runs cannot be compared on a shared machine, so every server stays up and is loaded in short stretches in random
order; what counts is requests per CPU-second of the server itself, median over the rounds. Latency is taken apart, at
a fixed pace.
"""

import argparse
import asyncio
import logging
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.end_to_end import end_to_end
from bench.load import Load
from bench.processes import LOAD_CORE, cpu_seconds, family, free_port, name, on_core, pin, resident_mb, start
from bench.scenarios import consenting, events, revision, write_config
from proxy.store.embedded import EmbeddedStore

STRETCH_S = 0.3
VISITORS = 300


@dataclass(slots=True)
class Server:
    """A server under load. ``serving`` are the processes that answer, ``behind`` what they stand on."""

    title: str
    load: Load
    serving: list[int]
    behind: list[int] = field(default_factory=list)
    per_cpu: list[float] = field(default_factory=list)
    behind_cpu: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    wrong: int = 0
    resident: float = 0.0

    async def round(self) -> None:
        """Load it for one stretch."""
        before, below = sum(map(cpu_seconds, self.serving)), sum(map(cpu_seconds, self.behind))
        tally = await self.load.stretch(STRETCH_S)
        spent = sum(map(cpu_seconds, self.serving)) - before
        self.wrong += tally.wrong
        if spent > 0:
            self.per_cpu.append(tally.answers / spent)
            self.behind_cpu.append((sum(map(cpu_seconds, self.behind)) - below) / max(tally.answers, 1))

    async def pace(self, rate: float, seconds: float) -> None:
        """Take latencies at a fixed pace."""
        tally = await self.load.paced(rate, seconds)
        ordered = sorted(tally.latencies)
        self.p99.append(ordered[int(len(ordered) * 0.99)])


async def gateway(
    folder: Path, title: str, *, durability: str, full: bool, connections: int
) -> tuple[Server, Callable[[], Awaitable[None]]]:
    """Start a gateway with its own embedded store."""
    config = write_config(folder, durability=durability)
    process = await start("-m", "proxy.cli", "gateway", "--config", str(config))
    line: str = process.first_line  # type: ignore[attr-defined]  # set by start
    public = dict(part.split("=", 1) for part in line.split() if "=" in part)["public"]
    pids = family(process.pid)
    workers = [pid for pid in pids if "proxy.worker" in name(pid)]
    stores = [pid for pid in pids if "valkey" in name(pid).split(" ")[0]]
    for pid in stores:
        pin(
            pid, LOAD_CORE
        )  # what it costs is a column of its own; on the gateway's core it would cost the gateway's caches
    cookies = await consenting(public, VISITORS) if full else []
    load = Load(int(public.rsplit(":", 1)[1]), events(VISITORS, cookies=cookies), connections)
    await load.connect()

    async def stop() -> None:
        process.terminate()
        await process.wait()

    return Server(title, load, workers, stores), stop


async def measure(rounds: int, rate: float, connections: int) -> tuple[list[Server], float]:
    """Start everything, load it in turns, stop it."""
    stops: list[Callable[[], Awaitable[None]]] = []
    servers: list[Server] = []
    with tempfile.TemporaryDirectory(prefix="sayso-bench-") as folder:
        try:
            for title in ("bare", "bare again"):
                port = free_port()
                process = await start("-m", "bench.bare", str(port))
                stops.append(_killer(process))
                load = Load(port, events(VISITORS, cookies=[]), connections)
                await load.connect()
                servers.append(Server(title, load, [process.pid]))
            for title, durability, full in (
                ("gateway, no consent known", "always", False),
                ("gateway, all four in full", "always", True),
                ("the same, everysec", "everysec", True),
            ):
                server, stop = await gateway(
                    Path(folder) / title.replace(" ", "-").replace(",", ""),
                    title,
                    durability=durability,
                    full=full,
                    connections=connections,
                )
                servers.append(server)
                stops.append(stop)
            servers.append(await _naive(Path(folder), connections, stops))
            with on_core(LOAD_CORE):
                for server in servers:
                    await server.round()  # warm
                    server.per_cpu.clear()
                    server.behind_cpu.clear()
                for _ in range(rounds):
                    for server in random.sample(servers, len(servers)):
                        await server.round()
                for _ in range(3):
                    for server in random.sample(servers, len(servers)):
                        await server.pace(rate, 2.0)
            for server in servers:
                server.resident = max(map(resident_mb, server.serving))
        finally:
            for stop in stops:
                await stop()
        whole, _ = await end_to_end(
            Path(folder) / "whole", visitors=VISITORS, seconds=2.0, connections=connections
        )
    return servers, whole


def _killer(process: asyncio.subprocess.Process) -> Callable[[], Awaitable[None]]:
    async def stop() -> None:
        process.kill()
        await process.wait()

    return stop


async def _naive(folder: Path, connections: int, stops: list[Callable[[], Awaitable[None]]]) -> Server:
    """Start the naive gateway on a store as durable as ours."""
    store = await EmbeddedStore.start(folder / "naive", durability="always", log=logging.getLogger("bench"))
    stops.append(store.stop)
    pin(store.pid, LOAD_CORE)
    port = free_port()
    process = await start("-m", "bench.naive", str(port), f"unix://{store.socket}")
    stops.append(_killer(process))
    load = Load(port, events(VISITORS, cookies=[]), connections)
    await load.connect()
    return Server("naive: redis-py, GET then XADD", load, [process.pid], [store.pid])


def report(servers: list[Server]) -> str:
    """Write the table."""
    bare = statistics.median(servers[0].per_cpu)
    calm = statistics.median(servers[0].p99)
    lines = [
        f"{revision()}",
        "",
        "| server | requests per CPU-second, bare = 1 | CPU per 1000 requests | store's CPU per 1000 | p99, bare = 1 | resident |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for server in servers:
        ours = statistics.median(server.per_cpu)
        behind = statistics.median(server.behind_cpu) if server.behind else 0.0
        lines.append(
            f"| {server.title} | {ours / bare:.2f} | {1e6 / ours:.0f} ms | {behind * 1e6:.0f} ms |"
            f" {statistics.median(server.p99) / calm:.1f} ({statistics.median(server.p99) * 1000:.1f} ms) | {server.resident:.0f} MB |"
        )
        if server.wrong:
            lines.append(f"| **{server.wrong} of its answers were errors** | | | | | |")
    return "\n".join(lines)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40, help="stretches of 0.15 s per server")
    parser.add_argument("--rate", type=float, default=1000.0, help="requests per second for the latencies")
    parser.add_argument("--connections", type=int, default=64)
    chosen = parser.parse_args()
    began = time.monotonic()
    servers, whole = asyncio.run(measure(chosen.rounds, chosen.rate, chosen.connections))
    print(report(servers))
    bare = statistics.median(servers[0].per_cpu)
    print(
        f"\nend to end, four vendors, gateway, delivery and store together: {whole * 1e6:.0f} µs of CPU per event,"
        f" {1 / (whole * bare):.2f} of bare"
    )
    print(f"\n{chosen.connections} connections, {chosen.rounds} rounds, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
