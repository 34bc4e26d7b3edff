"""``sayso serve`` and its halves as real processes: how they start, how they end, and that no end loses an event."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from proxy.twin.app import RunningTwin, start_twin
from proxy.twin.faults import Fault
from tests.support.embedded import alive, servers
from tests.support.events import service_account_json
from tests.support.processes import Sayso, config, kill, shop
from tests.support.rig import GRANT, ORIGIN, PAGE
from tests.support.waiting import wait_until

READY = re.compile(r"sayso ready public=http://127\.0\.0\.1:\d+ admin=http://127\.0\.0\.1:\d+\n")
ADS = {"TEST_ADS_KEY": service_account_json()}
SERVE = ("serve", "--config", "sayso.toml")


@pytest.fixture
async def twin() -> AsyncIterator[RunningTwin]:
    """Run a twin in this process."""
    twin = await start_twin()
    yield twin
    await twin.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Open a client whose requests go over a connection each, so that any worker may get them."""
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), headers=dict(PAGE)
    ) as session:
        yield session


def event(order: str) -> dict[str, object]:
    """Return a purchase with that order number, of somebody who grants everything with it."""
    params = {"value": 499, "currency": "NOK", "transaction_id": order}
    page = {"url": f"{ORIGIN}/thanks?gclid=Cj0Ktest"}
    return {"name": "purchase", "event_id": order, "page": page, "params": params, "consent": dict(GRANT)}


async def buy(session: aiohttp.ClientSession, url: str, order: str) -> int:
    """Send a purchase; return the status, 0 if there was no answer."""
    try:
        async with session.post(f"{url}/collect", json=event(order)) as answer:
            return answer.status
    except aiohttp.ClientError:
        return 0


async def spoil(session: aiohttp.ClientSession, url: str) -> int:
    """Send what is no event; return the status."""
    async with session.post(f"{url}/collect", data="{") as answer:
        return answer.status


async def metrics(session: aiohttp.ClientSession, url: str) -> dict[str, float]:
    """Return every sample of the exposition by its name and labels."""
    async with session.get(f"{url}/metrics") as answer:
        text = await answer.text()
    found = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            found[name] = float(value)
    return found


async def status_of(session: aiohttp.ClientSession, url: str) -> str:
    """Return what ``/readyz`` says."""
    async with session.get(f"{url}/readyz") as answer:
        found: dict[str, Any] = await answer.json()
        return f"{answer.status} {found['status']}"


# Where each vendor's requests name the order.
ORDERS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "google_analytics": ("events", lambda each: each["params"]["transaction_id"]),
    "google_ads": ("events", lambda each: each["transactionId"]),
    "meta": ("data", lambda each: each["custom_data"]["order_id"]),
    "microsoft": ("data", lambda each: each["customData"]["transactionId"]),
}
VENDORS = tuple(ORDERS)


def orders(twin: RunningTwin, vendor: str) -> list[str]:
    """Return the order numbers that a vendor took, sorted."""
    name, order_of = ORDERS[vendor]
    taken = [
        one
        for one in twin.twin.requests(vendor)
        if one.method == "POST" and one.status < 300 and not one.fault.startswith("status")
    ]
    return sorted(order_of(each) for one in taken for each in one.json[name])


async def delivered(twin: RunningTwin, wanted: set[str]) -> None:
    """Wait until each vendor has had each of these orders, and fail if one had an order that nobody sent."""
    await wait_until(
        lambda: all(set(orders(twin, vendor)) >= wanted for vendor in VENDORS), within_s=25, what="all orders"
    )


class TestAStart:
    async def test_it_says_where_it_is_and_ends_in_order(
        self, short_path: Path, twin: RunningTwin, session: aiohttp.ClientSession
    ) -> None:
        """One line on stdout; what is in hand is finished; nothing of it is left running."""
        config(short_path, twin.url)
        async with Sayso(short_path, *SERVE, **ADS) as sayso:
            urls = await sayso.ready()
            assert READY.fullmatch(sayso.out)
            assert await status_of(session, urls["admin"]) == "200 ready"
            assert await buy(session, urls["public"], "T-1") == 204
            await delivered(twin, {"T-1"})
            twin.twin.fault("all", Fault(delay_ms=700))
            assert await buy(session, urls["public"], "T-2") == 204
            met = len(twin.twin.requests())
            await wait_until(lambda: len(twin.twin.requests()) > met, what="a request under way")
            workers, (server,) = sayso.workers(), servers(short_path / "data")
            began = time.monotonic()
            assert await sayso.stop() == 0
            assert time.monotonic() - began < 10
            assert not any(alive(pid) for pid in [*workers, server])
            assert "Traceback" not in sayso.err
        for vendor in VENDORS:
            got = orders(twin, vendor)
            assert len(got) == len(set(got)), "what was under way was finished, and noted"

    async def test_ctrl_c_is_sigterm(self, short_path: Path, twin: RunningTwin) -> None:
        """Both end it within ten seconds, with status 0 and without a traceback."""
        config(short_path, twin.url)
        async with Sayso(short_path, *SERVE, **ADS) as sayso:
            await sayso.ready()
            sayso.process.send_signal(2)
            assert await sayso.wait(10) == 0
            assert "Traceback" not in sayso.err

    async def test_a_configuration_with_problems_is_refused_with_all_of_them(self, short_path: Path) -> None:
        """Exit 1; file, key, what is wrong, what is allowed; and nothing was begun."""
        file = config(
            short_path, "http://127.0.0.1:1", sites=[shop(preset="consent-mod", keys="orogins = []")]
        )
        file.write_text(
            file.read_text().replace('tag_id = "17000001"\n', "").replace("[server]", "[server]\nworkers = 0")
        )
        async with Sayso(short_path, *SERVE, **ADS) as sayso:
            assert await sayso.wait() == 1
            assert sayso.out == ""
            for words in ("orogins", "policy.preset", "tag_id", "server.workers", "consent-mode"):
                assert words in sayso.err, sayso.err
            assert "Traceback" not in sayso.err
        assert not (short_path / "data").exists()

    async def test_without_a_configuration_it_is_one_line(self, short_path: Path) -> None:
        """Exit 2."""
        async with Sayso(short_path, "serve", SAYSO_CONFIG="") as sayso:
            assert await sayso.wait() == 2
            assert len(sayso.err.splitlines()) == 1
            assert "--config" in sayso.err

    async def test_a_port_that_is_taken_is_one_line(self, short_path: Path, twin: RunningTwin) -> None:
        """Exit 1, and no store was started for it."""
        port = urlsplit(twin.url).port
        config(short_path, twin.url)
        async with Sayso(short_path, *SERVE, "--listen", f"127.0.0.1:{port}", **ADS) as sayso:
            assert await sayso.wait() == 1
            (line,) = sayso.err.splitlines()
            assert f"127.0.0.1:{port}" in line
            assert servers(short_path / "data") == []


class TestAnEndThatNobodyAskedFor:
    async def test_a_killed_worker_is_started_again(
        self, short_path: Path, twin: RunningTwin, session: aiohttp.ClientSession
    ) -> None:
        """Its socket stays open meanwhile, so no client is refused; what it had accepted is delivered."""
        config(short_path, twin.url)
        async with Sayso(short_path, *SERVE, **ADS) as sayso:
            urls = await sayso.ready()
            accepted = {"T-0"} if await buy(session, urls["public"], "T-0") == 204 else set()
            (first,) = sayso.workers()
            sending = [
                asyncio.create_task(buy(session, urls["public"], f"T-{number}")) for number in range(1, 40)
            ]
            kill(first)
            statuses = await asyncio.gather(*sending)
            accepted |= {f"T-{number}" for number, status in enumerate(statuses, 1) if status == 204}
            assert set(statuses) <= {204, 0}
            await wait_until(lambda: sayso.workers() not in ([], [first]), what="another worker")
            assert await buy(session, urls["public"], "T-later") == 204
            await delivered(twin, accepted | {"T-later"})
            assert await sayso.stop() == 0

    async def test_a_killed_main_process_takes_its_children_along_and_loses_nothing(
        self, short_path: Path, twin: RunningTwin, session: aiohttp.ClientSession
    ) -> None:
        """Every 204 was on disk: the next start delivers it, from the same folder."""
        config(short_path, twin.url, server="workers = 2")
        twin.twin.fault("all", Fault(status=401))
        async with Sayso(short_path, *SERVE, **ADS) as sayso:
            urls = await sayso.ready()
            assert await buy(session, urls["public"], "T-first") == 204
            paused = [f'sayso_forwarder_paused{{forwarder="{vendor}",site="shop"}}' for vendor in VENDORS]

            async def waiting() -> bool:
                found = await metrics(session, urls["admin"])
                return all(found[name] == 1 for name in paused)

            await wait_until(waiting, what="four forwarders that wait for their operator")
            assert await status_of(session, urls["admin"]) == "200 degraded"
            sending = [
                asyncio.create_task(buy(session, urls["public"], f"T-{number}")) for number in range(60)
            ]
            await wait_until(lambda: sum(one.done() for one in sending) > 20, what="some answers")
            workers = sayso.workers()
            assert len(workers) == 2
            await sayso.kill()
            statuses = await asyncio.gather(*sending)
            accepted = {f"T-{number}" for number, status in enumerate(statuses) if status == 204} | {
                "T-first"
            }
            assert len(accepted) > 20
            await wait_until(lambda: not any(map(alive, workers)), what="the workers' end")
        twin.twin.fault("all")
        async with Sayso(short_path, *SERVE, **ADS) as again:
            urls = await again.ready()
            await delivered(twin, accepted)
            found = await metrics(session, urls["admin"])
            for vendor in VENDORS:
                received = found['sayso_events_received_total{site="shop"}']
                ended = sum(
                    value
                    for name, value in found.items()
                    if name.startswith("sayso_outcomes_total{") and f'forwarder="{vendor}"' in name
                )
                pending = found[f'sayso_outbox_entries{{forwarder="{vendor}",site="shop"}}']
                assert received == ended + pending >= len(accepted)
            assert await again.stop() == 0


class TestHalves:
    async def test_gateway_and_delivery_share_a_folder(
        self, short_path: Path, twin: RunningTwin, session: aiohttp.ClientSession
    ) -> None:
        """Whichever started first runs the store; the other attaches, and takes over when the first has gone."""
        config(short_path, twin.url)
        async with (
            Sayso(short_path, "gateway", "--config", "sayso.toml", **ADS) as gateway,
            Sayso(short_path, "deliver", "--config", "sayso.toml", **ADS) as deliver,
        ):
            urls, admin = await gateway.ready(), await deliver.ready()
            assert "public" in urls
            assert set(admin) == {"admin"}
            assert await buy(session, urls["public"], "T-1") == 204
            await delivered(twin, {"T-1"})
            assert len(servers(short_path / "data")) == 1
            for half in (urls, admin):
                found = await metrics(session, half["admin"])
                assert found['sayso_events_received_total{site="shop"}'] == 1
            assert await deliver.stop() == 0
            assert await buy(session, urls["public"], "T-2") == 204
            assert all("T-2" not in orders(twin, vendor) for vendor in VENDORS)
            async with Sayso(short_path, "deliver", "--config", "sayso.toml", **ADS) as another:
                await another.ready()
                await delivered(twin, {"T-1", "T-2"})
            assert await gateway.stop() == 0


class TestSeveralWorkers:
    async def test_metrics_are_those_of_all_workers_also_of_one_that_is_gone(
        self, short_path: Path, twin: RunningTwin, session: aiohttp.ClientSession
    ) -> None:
        """Counted by any worker is counted once and for good."""
        config(short_path, twin.url)
        async with Sayso(short_path, *SERVE, "--workers", "2", **ADS) as sayso:
            urls = await sayso.ready()
            workers = sayso.workers()
            assert len(workers) == 2
            assert (
                await asyncio.gather(*(buy(session, urls["public"], f"T-{n}") for n in range(30)))
                == [204] * 30
            )
            assert [await spoil(session, urls["public"]) for _ in range(12)] == [400] * 12
            malformed = 'sayso_events_invalid_total{reason="malformed",site="shop"}'
            duration = "sayso_ingest_duration_seconds_count"

            async def all_counted() -> bool:  # durations are handed over once a second
                return (await metrics(session, urls["admin"]))[duration] == 30

            await wait_until(all_counted, what="30 durations")
            before = await metrics(session, urls["admin"])
            assert before['sayso_events_received_total{site="shop"}'] == 30
            assert before[malformed] == 12
            for pid in workers:
                kill(pid)
            await wait_until(
                lambda: len(sayso.workers()) == 2 and not set(sayso.workers()) & set(workers),
                what="two others",
            )
            after = await metrics(session, urls["admin"])
            assert after[malformed] == 12
            assert after[duration] == 30
            assert await buy(session, urls["public"], "T-more") == 204
            assert await spoil(session, urls["public"]) == 400
            later = await metrics(session, urls["admin"])
            assert later['sayso_events_received_total{site="shop"}'] == 31
            assert later[malformed] == 13
            assert await sayso.stop() == 0

    async def test_no_visitor_is_taken_for_another(
        self, short_path: Path, twin: RunningTwin, session: aiohttp.ClientSession
    ) -> None:
        """Two workers, two sites, many visitors at once: what stands beside an order is that visitor's own."""
        sites = [
            shop("one", base="/one/", number=1),
            shop("two", base="/two/", number=2, preset="notice-2021"),
        ]
        config(short_path, twin.url, server="workers = 2", sites=sites)
        async with Sayso(short_path, *SERVE, **ADS) as sayso:
            urls = await sayso.ready()

            async def visit(number: int, site: str, account: int) -> None:
                base = f"{urls['public']}/{site}"
                cookies = f"_ga=GA1.1.{1_000_000 + number}.{account}700000000; _fbp=fb.1.1795169000000.{account}{number:06}"
                headers = {"Cookie": cookies}
                async with session.post(f"{base}/consent", json=dict(GRANT), headers=headers) as answer:
                    assert answer.status == 204
                    own = answer.cookies["_sayso"].value
                headers = {"Cookie": f"{cookies}; _sayso={own}"}
                for turn in range(2):
                    async with session.post(
                        f"{base}/collect", json=event(f"T-{site}-{number}-{turn}"), headers=headers
                    ) as answer:
                        assert answer.status == 204

            await asyncio.gather(
                *(
                    visit(number, site, account)
                    for number in range(40)
                    for site, account in (("one", 1), ("two", 2))
                )
            )
            wanted = {
                f"T-{site}-{number}-{turn}"
                for site in ("one", "two")
                for number in range(40)
                for turn in range(2)
            }
            await delivered(twin, wanted)
            assert await sayso.stop() == 0
        accounts = {"one": 1, "two": 2}
        external: dict[str, set[str]] = {}
        for one in twin.twin.requests("google_analytics"):
            for each in one.json["events"]:
                _, site, number, _ = each["params"]["transaction_id"].split("-")
                assert one.params["measurement_id"] == f"G-SHOP{accounts[site]}"
                assert one.json["client_id"] == f"{1_000_000 + int(number)}.{accounts[site]}700000000"
        for one in twin.twin.requests("meta"):
            for each in one.json["data"]:
                _, site, number, _ = each["custom_data"]["order_id"].split("-")
                assert one.path.endswith(f"/{accounts[site]}111111111/events")
                assert each["user_data"]["fbp"] == f"fb.1.1795169000000.{accounts[site]}{int(number):06}"
                external.setdefault(f"{site}-{number}", set()).add(each["user_data"]["external_id"])
        assert len(external) == 80
        assert all(len(ids) == 1 for ids in external.values()), "both events of a visitor are one visitor's"
        assert len(set.union(*external.values())) == 80, "and nobody else's, at no other site either"
