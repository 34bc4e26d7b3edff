"""What one event costs all of Sayso, from the browser's request to four vendors' answers, in CPU time."""

import asyncio
from pathlib import Path

import aiohttp

from bench.load import Load
from bench.processes import cpu_seconds, family, name, start
from bench.scenarios import consenting, events, write_config

_WAIT_S = 120.0


async def end_to_end(folder: Path, *, visitors: int, seconds: float, connections: int) -> tuple[float, int]:
    """Send full events for a while and wait until all are delivered.

    Returns:
        CPU seconds per event of gateway, delivery and store together (not of the twin), and how many events there were.
    """
    twin = await start("-m", "proxy.cli", "twin")
    origin = _urls(twin)["url"]
    config = write_config(folder, durability="always", origin=origin)
    sayso = await start("-m", "proxy.cli", "serve", "--config", str(config))
    urls = _urls(sayso)
    try:
        async with aiohttp.ClientSession() as session:
            # The twin only counts: keeping and checking requests is the tests' business.
            async with session.put(f"{origin}/_twin/mode", json={"record": False, "strict": False}) as answer:
                answer.raise_for_status()
            load = Load(
                int(urls["public"].rsplit(":", 1)[1]),
                events(visitors, cookies=await consenting(urls["public"], visitors)),
                connections,
            )
            await load.connect()
            await load.stretch(0.3)
            await _drained(session, urls["admin"])
            ours = [pid for pid in family(sayso.pid) if "twin" not in name(pid)]
            before = sum(map(cpu_seconds, ours))
            tally = await load.stretch(seconds)
            await _drained(session, urls["admin"])
            return (sum(map(cpu_seconds, ours)) - before) / tally.answers, tally.answers
    finally:
        for process in (sayso, twin):
            process.terminate()
            await process.wait()


def _urls(process: asyncio.subprocess.Process) -> dict[str, str]:
    line: str = process.first_line  # type: ignore[attr-defined]  # set by start
    return dict(part.split("=", 1) for part in line.split() if "=" in part)


async def _drained(session: aiohttp.ClientSession, admin: str) -> None:
    """Wait until no outbox holds anything."""
    async with asyncio.timeout(_WAIT_S):
        while True:
            async with session.get(f"{admin}/metrics") as answer:
                lines = (await answer.text()).splitlines()
            waiting = [line for line in lines if line.startswith("sayso_outbox_entries{")]
            if waiting and all(line.endswith(" 0.0") for line in waiting):
                return
            await asyncio.sleep(0.25)
