"""What the report costs: reading thirteen months of it, its memory, and counting. ``python -m bench.report``.

Fills a store of its own as a busy shop would in thirteen months, reads reports of several lengths, and says how much CPU
of the store a page view costs and how much a conversion.
"""

import argparse
import asyncio
import logging
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from bench.processes import cpu_seconds
from bench.scenarios import write_config
from proxy.campaign import Campaign
from proxy.compile import compile_sites
from proxy.report.counting import row_of
from proxy.report.read import read_report
from proxy.settings import load_settings
from proxy.site import Site
from proxy.store.client import Store
from proxy.store.embedded import EmbeddedStore
from proxy.store.keys import campaigns_key, report_key
from proxy.store.outbox import Conversion, Outbox, Put

LAST = date(2026, 11, 22)
NAMES = ("purchase", "generate_lead", "sign_up")
FORWARDERS = ("google_analytics", "google_ads", "meta", "microsoft")
KEYS = {
    "google_analytics": ("client_id", "sha256_email_address", "click_ids"),
    "google_ads": ("gclid", "sha256_email_address", "sha256_phone_number"),
    "meta": ("external_id", "fbp", "fbc", "em", "ph", "fn", "ln", "zp", "ct", "country"),
    "microsoft": ("anonymousId", "msclkid", "em", "ph"),
}


def shop(folder: Path) -> Site:
    """Return the benchmarks' site."""
    return compile_sites(load_settings(write_config(folder, durability="everysec")))[0]


def counts_of(name: str, chance: random.Random) -> dict[Any, Any]:
    """Return a day's counts of one conversion, as the scripts would have left them."""
    number = chance.randint(200, 2000)
    counts: dict[Any, Any] = {f"n|{name}": number, f"x|{name}": number // 40, f"l|{name}": number // 90}
    counts |= {f"v|{name}|{one}": number * 40_000 for one in ("NOK", "SEK", "EUR")}
    for said, share in (("all", 5), ("statistics", 10), ("denied", 3), ("unknown", 6)):
        counts[f"c|{name}|{said}"] = number // share
    for forwarder in FORWARDERS:
        who = f"{name}|{forwarder}"
        for decided in (
            "full|granted",
            "cookieless|consent_denied",
            "cookieless|consent_unknown",
            "drop|duplicate",
        ):
            counts[f"d|{who}|{decided}"] = number // 4
        for ended in (
            "delivered|accepted",
            "rejected|vendor_rejected",
            "expired|too_old",
            "dropped|withdrawn",
        ):
            counts[f"o|{who}|{ended}"] = number // 4
        counts |= {f"k|{who}|{key}": number // 3 for key in KEYS[forwarder]}
    return counts


def campaigns_of(chance: random.Random, number: int) -> dict[Any, Any]:
    """Return a day's campaigns: most of them are there every day."""
    steady = range(number * 3 // 4)
    which = [*steady, *chance.sample(range(len(steady), number * 4), number - len(steady))]
    rows = (row_of(Campaign("google", "cpc", f"no_search_brand_autumn_{one:04d}")) for one in which)
    return {
        row: f"{chance.randint(1, 90)} {chance.randint(0, 9)} NOK {chance.randint(10**5, 10**9)}"
        for row in rows
    }


async def fill(store: Store, days: int, campaigns: int) -> int:
    """Write so many days; returns how many rows of campaigns that were."""
    chance, rows = random.Random(1), 0
    for number in range(days):
        day = (LAST - timedelta(days=number)).isoformat()
        async with store.redis.pipeline(transaction=False) as pipe:
            for name in NAMES:
                pipe.hset(report_key(0, "shop", day), mapping=counts_of(name, chance))
                found = campaigns_of(chance, campaigns)
                pipe.hset(campaigns_key(0, "shop", name, day), mapping=found)
                rows += len(found)
            await pipe.execute()
    return rows


async def memory(store: Store) -> int:
    """Return how many bytes the store uses."""
    found: dict[str, Any] = await store.redis.info("memory")
    return int(found["used_memory"])


async def reading(store: Store, site: Site, days: int, event: str | None, times: int) -> None:
    """Read a report some times; say how long it took, and for how long nothing else had its turn."""
    took: list[float] = []
    spent: list[float] = []
    held = 0.0

    async def look() -> None:
        nonlocal held
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0)
            held = max(held, time.perf_counter() - before)

    for _ in range(times):
        looking = asyncio.create_task(look())
        began, cpu = time.perf_counter(), time.process_time()
        await read_report(store, site, range(1), LAST - timedelta(days=days - 1), LAST, event)
        took.append((time.perf_counter() - began) * 1000)
        spent.append((time.process_time() - cpu) * 1000)
        looking.cancel()
    which = event or "all conversions"
    print(
        f"| {days} days, {which} | {statistics.median(took):.0f} ms, at most {max(took):.0f};"
        f" {statistics.median(spent):.0f} ms of CPU;"
        f" the loop waits {held * 1000:.1f} ms at most |"
    )


def puts(number: int, *, conversion: bool) -> Sequence[Put]:
    """Return events for four forwarders, with an entry of 800 bytes for each."""
    found = []
    for one in range(number):
        parts: list[tuple[str, str, bytes | None]] = [
            (name, "full|granted", b"x" * 800) for name in FORWARDERS
        ]
        told = None
        if conversion:
            keys = [f"k|purchase|{name}|{key}\n" for name in FORWARDERS for key in KEYS[name]]
            row = row_of(Campaign("google", "cpc", f"campaign {one % 150}"))
            told = Conversion(
                "2026-11-22", "purchase", f"purchase\n{row}\n1\nNOK\n499000\nc|purchase|all\n{''.join(keys)}"
            )
        found.append(Put(f"{random.getrandbits(96):024x}", True, "shop", parts, b"", told))
    return found


async def counting(store: Store, pid: int, rounds: int) -> None:
    """Say what an event costs the store, page views and conversions by turns, alone and in groups."""
    outbox = Outbox(store, partitions=1, most_entries=10_000_000)
    for size in (1, 50):
        spent: dict[bool, list[float]] = {False: [], True: []}
        for number in range(rounds * 2):
            conversion = bool(number % 2)
            groups = [puts(size, conversion=conversion) for _ in range(1000 // size)]
            before = cpu_seconds(pid)
            for group in groups:
                await outbox.put(group)
            spent[conversion].append((cpu_seconds(pid) - before) * 1_000_000 / 1000)
        view, conversion_us = (statistics.median(spent[one]) for one in (False, True))
        print(
            f"| store's CPU per event, {size} at once | page view {view:.0f} µs, conversion {conversion_us:.0f} µs:"
            f" {conversion_us / view:.2f} times |"
        )


async def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=395)
    parser.add_argument("--campaigns", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=7)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = await EmbeddedStore.start(
            Path(folder), durability="everysec", log=logging.getLogger("bench"), max_memory=2 << 30
        )
        store = Store(f"unix://{server.socket}")
        try:
            site = shop(Path(folder))
            empty = await memory(store)
            rows = await fill(store, wanted.days, wanted.campaigns)
            used = await memory(store) - empty
            print("| what | how much |\n| --- | --- |")
            print(
                f"| {wanted.days} days, {rows} rows of campaigns | {used / 1e6:.1f} MB, {used / wanted.days / 1e3:.1f} kB a day |"
            )
            for days in (7, 30, 90, wanted.days):
                await reading(store, site, days, None, wanted.rounds)
            await reading(store, site, wanted.days, NAMES[0], wanted.rounds)
            pid = int((await store.redis.info("server"))["process_id"])
            await counting(store, pid, wanted.rounds)
        finally:
            await store.close()
            await server.stop()


if __name__ == "__main__":
    asyncio.run(main())
