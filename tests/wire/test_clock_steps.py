"""``sayso serve`` on a machine whose clock is put forward and back while events come: nothing is lost, nothing misdated."""

import random
import re
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import aiohttp
import pytest

from proxy.twin.app import RunningTwin
from proxy.twin.faults import Fault
from proxy.twin.recorder import Recorded
from tests.support.processes import Sayso, config
from tests.support.serving import ADS, SERVE, VENDORS, buy, delivered, metrics, orders
from tests.support.turned_clock import Dial, needs_faketime
from tests.support.waiting import passed, wait_until

pytestmark = needs_faketime
HOUR_S = 3600
_WEEKS_S = 30 * 86_400
# A time stands by itself. The halves of a client id (``123.456``) and the digits in a hash are none.
_NUMBERS = re.compile(r"(?<![\w.])[12]\d{9}(?:\d{3}(?:\d{3})?)?(?!\w|\.\d)")
_DATES = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d")


@pytest.fixture
def dial() -> Iterator[Dial]:
    """Return the dial of the clock."""
    with tempfile.TemporaryDirectory(prefix="sayso-") as folder:
        yield Dial(Path(folder))


def ahead_s(one: Recorded) -> float:
    """Return how far the latest time that a request tells is ahead of when it came; negative: it is behind."""
    said = f"{one.request.query} {one.text}"
    told = [int(digits) / 10 ** (len(digits) - 10) for digits in _NUMBERS.findall(said)]
    told += [datetime.fromisoformat(f"{date}+00:00").timestamp() for date in _DATES.findall(said)]
    return max((each - one.time for each in told if abs(each - one.time) < _WEEKS_S), default=0.0)


@pytest.mark.timeout(180)
async def test_whatever_is_done_to_the_clock(
    short_path: Path, twin: RunningTwin, session: aiohttp.ClientSession, dial: Dial
) -> None:
    """By hours and days, forward and back: every event arrives, the sum holds, and no vendor sees a time to come."""
    chance = random.Random(17)  # noqa: S311  # no secret
    config(short_path, twin.url)
    async with Sayso(short_path, *SERVE, **ADS, **dial.changes) as sayso:
        urls = await sayso.ready()
        assert await buy(session, urls["public"], "first") == 204
        await delivered(twin, {"first"})
        sent = {"first"}
        for number, hours in enumerate([1, 0, -1, 5, -30, 30, 0, -2]):
            if number % 3 == 1:
                twin.twin.fault("all", Fault(status=503))
            if number % 3 == 2:
                twin.twin.fault("all")
            dial.turn(hours * HOUR_S + chance.uniform(-100, 100))
            await passed(0.3)
            for each in range(5):
                assert await buy(session, urls["public"], f"{number}-{each}") == 204
                sent.add(f"{number}-{each}")
        twin.twin.fault("all")
        await delivered(twin, sent)

        async def adds_up() -> bool:
            found = await metrics(session, urls["admin"])
            return all(
                found[f'sayso_outbox_entries{{forwarder="{vendor}",site="shop"}}'] == 0 for vendor in VENDORS
            )

        await wait_until(adds_up, within_s=30, what="empty outboxes")
        for vendor in VENDORS:
            assert set(orders(twin, vendor)) == sent
        late = [(one.vendor, one.path, ahead_s(one)) for one in twin.twin.requests() if ahead_s(one) > 1.0]
        assert late == []
        assert "Traceback" not in sayso.err
