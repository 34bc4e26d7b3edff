"""A changed configuration while people buy: nobody is refused, nothing is lost, nothing is counted twice or forgotten."""

from pathlib import Path

import aiohttp

from proxy.twin.app import RunningTwin
from proxy.twin.faults import Fault
from tests.support.processes import Sayso, config, shop
from tests.support.reloading import Crowd, hang_up, reload, sums
from tests.support.serving import (
    ADS,
    SERVE,
    VENDORS,
    buy,
    delivered,
    leftovers,
    metrics,
    orders,
    spoil,
    status_of,
)
from tests.support.waiting import wait_until

MANY = "rate_limit_per_minute = 0\nworkers = 2"
MALFORMED = 'sayso_events_invalid_total{reason="malformed",site="shop"}'
DURATIONS = "sayso_ingest_duration_seconds_count"


def databases(folder: Path) -> list[str]:
    """Return the names of the files that processes count into."""
    return sorted(one.name for one in folder.glob("*.db"))


async def test_every_request_is_taken_and_every_event_delivered(
    short_path: Path, twin: RunningTwin, session: aiohttp.ClientSession
) -> None:
    """Connections are kept alive, some are idle; still none is refused or reset, and each event reaches all vendors."""
    config(short_path, twin.url, server=MANY)
    async with Sayso(short_path, *SERVE, **ADS) as sayso:
        urls = await sayso.ready()
        async with Crowd(urls["public"]) as crowd:
            await crowd.more()
            for _ in range(2):
                before = set(sayso.workers())
                await reload(session, sayso)
                await crowd.more()
                await wait_until(
                    lambda before=before: len(sayso.workers()) == 2 and not before & set(sayso.workers()),  # type: ignore[misc]  # mypy cannot infer it
                    within_s=30,
                    what="new workers in the place of the old ones",
                )
        assert set(crowd.answers) == {204}, crowd.answers
        await delivered(twin, crowd.accepted)
        found = await metrics(session, urls["admin"])
        assert found['sayso_events_received_total{site="shop"}'] == len(crowd.accepted)

        async def all_add_up() -> bool:
            return all([await sums(session, sayso, vendor) for vendor in VENDORS])

        await wait_until(all_add_up, what="sums that hold")
        assert await status_of(session, urls["admin"]) == "200 ready"
        assert await sayso.stop() == 0
        assert leftovers(short_path) == []
        assert "Traceback" not in sayso.err


async def test_counters_never_go_back_and_their_files_do_not_pile_up(
    short_path: Path, twin: RunningTwin, session: aiohttp.ClientSession
) -> None:
    """What a worker counted goes on counting when it is replaced or killed; its files are folded into one."""
    config(short_path, twin.url, server=MANY)
    async with Sayso(short_path, *SERVE, **ADS) as sayso:
        urls = await sayso.ready()
        taken = 0
        for turn in range(1, 4):
            assert await spoil(session, urls["public"]) == 400
            async with Crowd(urls["public"], size=2) as crowd:
                await crowd.more(10)
            taken += crowd.answers[204]
            before = set(sayso.workers())
            await reload(session, sayso)
            await wait_until(
                lambda before=before: not before & set(sayso.workers()),  # type: ignore[misc]  # mypy cannot infer it
                within_s=30,
                what=f"the end of the workers of turn {turn}",
            )
            found = await metrics(session, urls["admin"])
            assert found[MALFORMED] == turn
            assert found[DURATIONS] == taken, "a worker that ends counts what it has not counted yet"
        (folder,) = leftovers(short_path)
        files = databases(folder)
        # The parent's, the two workers', and that of all who are gone; one for counters and one for histograms each.
        assert len(files) <= 8, files


async def test_the_number_of_workers_may_change(
    short_path: Path, twin: RunningTwin, session: aiohttp.ClientSession
) -> None:
    """More or fewer, in the middle of the day."""
    config(short_path, twin.url, server="workers = 1")
    async with Sayso(short_path, *SERVE, **ADS) as sayso:
        await sayso.ready()
        assert len(sayso.workers()) == 1
        config(short_path, twin.url, server="workers = 2")
        await reload(session, sayso)
        await wait_until(lambda: len(sayso.workers()) == 2, within_s=30, what="two workers")
        assert await status_of(session, sayso.urls["admin"]) == "200 ready"
        config(short_path, twin.url, server="workers = 1")
        await reload(session, sayso)
        await wait_until(lambda: len(sayso.workers()) == 1, within_s=30, what="one worker")


async def test_a_storm_of_signals_is_one_reload_or_few(
    short_path: Path, twin: RunningTwin, session: aiohttp.ClientSession
) -> None:
    """Many signals while one is answered make one more; there are never more than two generations of workers."""
    config(short_path, twin.url, server=MANY)
    async with Sayso(short_path, *SERVE, **ADS) as sayso:
        urls = await sayso.ready()
        async with Crowd(urls["public"], size=2) as crowd:
            most = 0
            for _ in range(60):
                hang_up(sayso)
                await crowd.more(1)
                most = max(most, len(sayso.workers()))
            await reload(session, sayso)
        assert set(crowd.answers) == {204}, crowd.answers
        assert most <= 4
        await wait_until(lambda: len(sayso.workers()) == 2, within_s=60, what="two workers")
        await delivered(twin, crowd.accepted)
        assert await sayso.stop() == 0


async def test_a_second_site_and_a_forwarder_come_and_go(
    short_path: Path, twin: RunningTwin, session: aiohttp.ClientSession
) -> None:
    """Requests, metrics, health and delivery know them from the reload on; what was taken for the other one arrives."""
    config(short_path, twin.url)
    two = [shop(), shop("outlet", base="/outlet/", number=2)]
    async with Sayso(short_path, *SERVE, **ADS) as sayso:
        urls = await sayso.ready()
        async with session.post(f"{urls['public']}/outlet/collect", json={"name": "page_view"}) as answer:
            assert answer.status == 404
        config(short_path, twin.url, sites=two)
        await reload(session, sayso)
        async with Crowd(f"{urls['public']}/outlet", size=2) as crowd:
            await crowd.more(5)
        assert set(crowd.answers) == {204}
        await delivered(twin, crowd.accepted)
        found = await metrics(session, urls["admin"])
        assert found['sayso_events_received_total{site="outlet"}'] == len(crowd.accepted)
        async with session.get(f"{urls['admin']}/readyz") as answer:
            assert "outlet.meta" in (await answer.json())["parts"]
        config(short_path, twin.url, sites=[shop()])
        await reload(session, sayso)

        async def gone() -> bool:  # an old worker may still take what comes over an open connection
            async with session.post(f"{urls['public']}/outlet/collect", json={"name": "page_view"}) as answer:
                return answer.status == 404

        await wait_until(gone, what="a site that is no more")
        async with session.get(f"{urls['admin']}/readyz") as answer:
            assert "outlet.meta" not in (await answer.json())["parts"]
        assert await sayso.stop() == 0


async def test_what_is_under_way_is_finished_and_not_sent_again(
    short_path: Path, twin: RunningTwin, session: aiohttp.ClientSession
) -> None:
    """The old delivery waits for the answers to its requests, while the new one delivers what comes."""
    config(short_path, twin.url)
    async with Sayso(short_path, *SERVE, **ADS) as sayso:
        urls = await sayso.ready()
        twin.twin.fault("all", Fault(delay_ms=2500))
        assert await buy(session, urls["public"], "T-1") == 204
        await wait_until(
            lambda: all(twin.twin.requests(vendor) for vendor in VENDORS),
            within_s=30,
            what="requests under way",
        )
        twin.twin.fault("all")
        await reload(session, sayso)
        assert await buy(session, urls["public"], "T-2") == 204
        await delivered(twin, {"T-1", "T-2"})

        async def all_ended() -> bool:
            found = await metrics(session, urls["admin"])
            return all(
                found[f'sayso_outbox_entries{{forwarder="{vendor}",site="shop"}}'] == 0 for vendor in VENDORS
            )

        await wait_until(all_ended, within_s=25, what="empty outboxes")
        for vendor in VENDORS:
            assert orders(twin, vendor) == ["T-1", "T-2"]
            assert await sums(session, sayso, vendor)


async def test_an_operators_pause_holds(
    short_path: Path, twin: RunningTwin, session: aiohttp.ClientSession
) -> None:
    """A reload is not a resume."""
    config(short_path, twin.url)
    paused = 'sayso_forwarder_paused{by="operator",forwarder="meta",site="shop"}'
    async with Sayso(short_path, *SERVE, **ADS) as sayso:
        urls = await sayso.ready()
        async with Sayso(short_path, "pause", "--config", "sayso.toml", "shop", "meta", **ADS) as command:
            assert await command.wait() == 0
        await reload(session, sayso)

        async def held() -> bool:
            return (await metrics(session, urls["admin"]))[paused] == 1

        await wait_until(held, within_s=30, what="a forwarder that is still paused")
        assert await buy(session, urls["public"], "T-1") == 204
        others = [vendor for vendor in VENDORS if vendor != "meta"]
        await wait_until(
            lambda: all(orders(twin, vendor) for vendor in others), within_s=25, what="the others"
        )
        assert orders(twin, "meta") == []
        async with Sayso(short_path, "resume", "--config", "sayso.toml", "shop", "meta", **ADS) as command:
            assert await command.wait() == 0
        await delivered(twin, {"T-1"})
