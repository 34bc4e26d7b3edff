"""Does one vendor that hangs cost the others anything? ``python -m bench.isolation`` prints ratios from one run.

Sayso runs as its users run it: gateway, delivery and store of their own. Its four vendors are one process here, which
notes when each event arrives. In turns, in random order, Meta works, or hangs with all its requests; the events go on at a
fixed pace. Compared are how long the gateway takes to answer, and how long an event takes from there to the others.
"""

import argparse
import asyncio
import random
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import aiohttp
import orjson
from aiohttp import web

from bench.processes import free_port, start
from bench.scenarios import PAGE, USER_AGENT, consenting, revision, write_config

Mode = Literal["works", "hangs"]
HOSTS: Final = {
    "www.google-analytics.com": "google_analytics",
    "datamanager.googleapis.com": "google_ads",
    "graph.facebook.com": "meta",
    "capi.uet.microsoft.com": "microsoft",
}
OTHERS: Final = ("google_analytics", "google_ads", "microsoft")
_ORDER: Final = re.compile(rb"order-(\d{8})")


@dataclass(slots=True)
class Vendors:
    """All vendors, on one port. ``seen`` holds when each order came to each of them."""

    hanging: bool = False
    seen: dict[tuple[str, int], float] = field(default_factory=dict)
    under_way: int = 0
    most_under_way: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer as the vendor would, or not at all."""
        host = request.path.removeprefix("/").partition("/")[0]
        body = await request.read()
        if host == "oauth2.googleapis.com":
            return web.json_response({"access_token": "t", "expires_in": 3600})
        vendor = next((name for end, name in HOSTS.items() if host.endswith(end)), host)
        if vendor == "meta" and self.hanging:
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
            try:
                await self.released.wait()
            finally:
                self.under_way -= 1
        now = time.perf_counter()
        for order in _ORDER.findall(body):
            self.seen.setdefault((vendor, int(order)), now)
        if host.startswith("datamanager"):
            return web.json_response({"requestId": f"request-{len(self.seen)}"})
        return web.json_response({"events_received": body.count(b"order-")})


@dataclass(slots=True)
class Tally:
    """Seconds, of one mode."""

    answers: list[float] = field(default_factory=list)
    deliveries: list[float] = field(default_factory=list)
    wrong: int = 0
    never: int = 0


def body(order: int) -> bytes:
    """Return a purchase with that order number."""
    return orjson.dumps(
        {
            "name": "purchase",
            "event_id": f"order-{order:08d}",
            "page": {"url": f"{PAGE}/takk?gclid=Cj0KCQiA3sq6BhD2ARIsAJ8MRwX"},
            "params": {"value": 499.0, "currency": "NOK", "transaction_id": f"order-{order:08d}"},
        }
    )


class Shop:
    """Sends orders at a fixed pace, and looks when they arrive.

    Args:
        public: the gateway.
        cookies: of visitors who have consented.
        vendors: where the orders should arrive.
    """

    def __init__(self, public: str, cookies: list[str], vendors: Vendors) -> None:
        self._url = f"{public}/collect"
        self._cookies = cookies
        self._vendors = vendors
        self._number = 0
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())

    async def close(self) -> None:
        """Close its connections."""
        await self._session.close()

    async def stretch(self, seconds: float, rate: float, tally: Tally) -> None:
        """Send for a while, then wait until all of it has arrived at the vendors that work."""
        began = time.perf_counter()
        sent: dict[int, float] = {}
        tasks = []
        for number in range(int(seconds * rate)):
            await asyncio.sleep(max(began + number / rate - time.perf_counter(), 0))
            self._number += 1
            tasks.append(asyncio.create_task(self._send(self._number, sent, tally)))
        await asyncio.gather(*tasks)
        deadline = time.perf_counter() + 30.0
        wanted = [(vendor, order) for vendor in OTHERS for order in sent]
        while time.perf_counter() < deadline and not all(one in self._vendors.seen for one in wanted):  # noqa: ASYNC110  # many conditions
            await asyncio.sleep(0.02)
        for one in wanted:
            at = self._vendors.seen.get(one)
            if at is None:
                tally.never += 1
            else:
                tally.deliveries.append(max(at - sent[one[1]], 0.0))

    async def _send(self, order: int, sent: dict[int, float], tally: Tally) -> None:
        headers = {"Host": "shop.example", "Origin": PAGE, "User-Agent": USER_AGENT}
        headers["Content-Type"] = "text/plain"
        headers["Cookie"] = self._cookies[order % len(self._cookies)]
        began = time.perf_counter()
        async with self._session.post(self._url, data=body(order), headers=headers) as answer:
            await answer.read()
        ended = time.perf_counter()
        tally.answers.append(ended - began)
        if answer.status == 204:
            sent[order] = ended
        else:
            tally.wrong += 1


async def measure(rounds: int, rate: float, seconds: float) -> tuple[dict[Mode, Tally], Vendors]:
    """Start everything, send in turns, stop it."""
    vendors = Vendors()
    runner = web.ServerRunner(web.Server(vendors.handle, handler_cancellation=True), shutdown_timeout=0.1)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    tallies: dict[Mode, Tally] = {"works": Tally(), "hangs": Tally()}
    with tempfile.TemporaryDirectory(prefix="sayso-isolation-") as folder:
        config = write_config(Path(folder), durability="always", origin=f"http://127.0.0.1:{port}")
        sayso = await start("-m", "proxy.cli", "serve", "--config", str(config))
        line: str = sayso.first_line  # type: ignore[attr-defined]  # set by start
        public = dict(part.split("=", 1) for part in line.split() if "=" in part)["public"]
        shop = Shop(public, await consenting(public, 50), vendors)
        try:
            await shop.stretch(seconds, rate, Tally())  # warm
            for _ in range(rounds):
                modes: list[Mode] = ["works", "hangs"]
                for mode in random.sample(modes, 2):
                    turn(vendors, hanging=mode == "hangs")
                    await shop.stretch(seconds, rate, tallies[mode])
        finally:
            turn(vendors, hanging=False)
            await shop.close()
            sayso.terminate()
            await sayso.wait()
            await runner.cleanup()
    return tallies, vendors


def turn(vendors: Vendors, *, hanging: bool) -> None:
    """Let Meta hang, or answer all that it has left hanging."""
    vendors.hanging = hanging
    if hanging:
        vendors.released = asyncio.Event()
    else:
        vendors.released.set()


def percentile(values: list[float], share: float) -> float:
    """Return the value below which that share lies, in ms."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)] * 1000


def report(tallies: dict[Mode, Tally], vendors: Vendors) -> str:
    """Write the table."""
    works, hangs = tallies["works"], tallies["hangs"]
    lines = [
        revision(),
        "",
        "| | Meta works | Meta hangs | ratio |",
        "| --- | --- | --- | --- |",
    ]
    rows: list[tuple[str, Callable[[Tally], float]]] = [
        ("gateway's answer, p50", lambda one: percentile(one.answers, 0.5)),
        ("gateway's answer, p99", lambda one: percentile(one.answers, 0.99)),
        ("from the answer to the other vendors, p50", lambda one: percentile(one.deliveries, 0.5)),
        ("from the answer to the other vendors, p99", lambda one: percentile(one.deliveries, 0.99)),
        ("the same, mean", lambda one: statistics.mean(one.deliveries) * 1000),
    ]
    for title, value in rows:
        lines.append(
            f"| {title} | {value(works):.1f} ms | {value(hangs):.1f} ms | {value(hangs) / value(works):.2f} |"
        )
    lines += [
        "",
        f"{len(works.answers)} and {len(hangs.answers)} events; {works.wrong + hangs.wrong} were not answered 204;"
        f" {works.never + hangs.never} did not arrive; Meta held {vendors.most_under_way} requests at most",
    ]
    return "\n".join(lines)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="stretches of each kind")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long one is")
    parser.add_argument("--rate", type=float, default=50.0, help="events per second")
    chosen = parser.parse_args()
    print(report(*asyncio.run(measure(chosen.rounds, chosen.rate, chosen.seconds))))


if __name__ == "__main__":
    main()
