"""A withdrawal in the middle of a flood: from a second after its 204 no full request of that visitor starts."""

import asyncio
import time

from proxy.twin.faults import Fault
from proxy.twin.recorder import Recorded
from tests.support.rig import GRANT, Browser, event, site
from tests.support.waiting import wait_until
from tests.support.whole import StartWhole, Whole

ENTRIES = 1500
WORKERS = 3
GA = {"shop": site(forwarders={"google_analytics": site()["forwarders"]["google_analytics"]})}


async def fill(browser: Browser, number: int, mark: str) -> None:
    """Send that many events."""
    for start in range(0, number, 100):
        events = [
            event(name="scroll", event_id=f"{mark}-{at}") for at in range(start, min(start + 100, number))
        ]
        answer = await browser.collect({"events": events})
        assert answer.status == 204, answer.body


def client_of(one: Recorded) -> str:
    """Return whose full request it is."""
    return str(one.json["client_id"])


async def flood(whole: Whole, browser: Browser) -> None:
    """Have entries wait, and workers begin to deliver them to a vendor that takes its time with full ones."""
    await browser.consent(GRANT)
    await fill(browser, ENTRIES, "kari")
    whole.running.twin.fault("google_analytics", Fault(delay_ms=150, match="client_id"))
    for number in range(WORKERS):
        await whole.deliver(f"w{number}")
    await wait_until(lambda: len(whole.seen()) >= 2 * WORKERS, what="some full requests")


async def test_no_full_request_starts_a_second_later(start_whole: StartWhole) -> None:
    """Three workers, a thousand and a half entries, a slow vendor. Every entry ends once, in one mode or the other."""
    whole = await start_whole(GA)
    browser, other = whole.rig.browser(), whole.rig.browser()
    await other.consent(GRANT)
    await fill(other, 30, "ola")
    await flood(whole, browser)
    assert (await browser.withdraw()).status == 204
    withdrawn = time.time()
    requests = await whole.quiet()
    full = [one for one in requests if one.method == "POST"]
    mine = max({client_of(one) for one in full}, key=[client_of(one) for one in full].count)
    starts = sorted(one.time - withdrawn for one in full if client_of(one) == mine)
    assert starts[-1] <= 1.0, f"the last of {len(starts)} started {starts[-1]:.3f} s after the answer"
    assert {client_of(one) for one in full} > {mine}, "nobody else's are held up by it"
    sent_in_full = sum(one.events for one in full if client_of(one) == mine)
    pings = [one for one in requests if one.method == "GET"]
    assert 0 < sent_in_full < ENTRIES
    assert sent_in_full + len(pings) == ENTRIES
    assert {one.params["gcs"] for one in pings} == {"G100"}
    counts = await whole.rig.counts()
    assert counts["w|shop|google_analytics"] == len(pings)
    assert counts["o|shop|google_analytics|delivered|accepted"] == ENTRIES + 30


async def test_also_if_every_worker_is_started_anew(start_whole: StartWhole) -> None:
    """What the old ones had in hand is looked at again by the new ones."""
    whole = await start_whole(GA)
    browser = whole.rig.browser()
    await browser.consent(GRANT)
    await fill(browser, 200, "kari")
    whole.running.twin.fault("google_analytics", Fault(delay_ms=150, match="client_id"))
    old = [await whole.deliver(f"w{number}") for number in range(2)]
    await wait_until(lambda: len(whole.seen()) > 0, what="a full request")
    assert (await browser.withdraw()).status == 204
    withdrawn = time.time()
    await asyncio.gather(*(delivery.stop() for delivery in old))
    await whole.deliver("w9")
    requests = await whole.quiet()
    assert all(one.time <= withdrawn + 1.0 for one in requests if one.method == "POST")
    assert sum(one.events for one in requests) == 200
