"""Several processes at once: the halves of ``sayso serve`` apart, and more than one gateway worker."""

import asyncio
from pathlib import Path

import aiohttp

from proxy.twin.app import RunningTwin
from tests.support.embedded import servers
from tests.support.processes import Sayso, config, kill, shop
from tests.support.rig import GRANT
from tests.support.serving import (
    ADS,
    SERVE,
    VENDORS,
    buy,
    delivered,
    event,
    metrics,
    orders,
    spoil,
)
from tests.support.waiting import wait_until


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
