"""``sayso serve`` as a real process: how it starts, how it ends, and that no end loses an event."""

import asyncio
import re
import time
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from proxy.twin.app import RunningTwin
from proxy.twin.faults import Fault
from tests.support.embedded import alive, servers
from tests.support.processes import Sayso, config, kill, shop
from tests.support.serving import (
    ADS,
    SERVE,
    VENDORS,
    buy,
    delivered,
    leftovers,
    metrics,
    orders,
    status_of,
)
from tests.support.waiting import wait_until

READY = re.compile(r"sayso ready public=http://127\.0\.0\.1:\d+ admin=http://127\.0\.0\.1:\d+\n")


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
            assert leftovers(short_path) == []
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
            assert leftovers(short_path) == []


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
            paused = [
                f'sayso_forwarder_paused{{by="vendor",forwarder="{vendor}",site="shop"}}'
                for vendor in VENDORS
            ]

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
