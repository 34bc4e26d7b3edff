"""Two cookieless events of one visitor cannot be told to be the same visitor's, neither by us nor by a vendor.

A crowd of visitors who look alike from afar (same kind of browser, same network, same pages) but differ in everything
that tells people apart. What any two pings have in common must not depend on whether one visitor made both.
"""

import asyncio
import itertools
import time

import pytest

from proxy.twin.recorder import Recorded
from tests.support.canaries import Canary
from tests.support.rig import DENY, GRANT, ORIGIN, PAGE, Browser, site
from tests.support.whole import StartWhole, Whole

VISITORS = 6
AGENTS = {
    "windows": PAGE["User-Agent"],
    "iphone": "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/19.0 Mobile/15E148 Safari/604.1",
}
# Drawn for each ping alone, and the second at which it was accepted.
DRAWN = {"google_analytics": ("_p", "cid"), "google_ads": ("random",)}
SECOND = "sid"

Said = frozenset[tuple[str, str]]


def event_of(canary: Canary, name: str, number: int) -> dict[str, object]:
    """Return an event with all that the page knows of the visitor, on a page that many visit."""
    body = canary.purchase()
    body["page"] = {
        "url": f"{ORIGIN}/{name}?utm_source=news&gclid=Cj0K{canary.mark('gclid')}&q={canary.mark('query')}",
        "referrer": f"https://news.example/{canary.mark('referrer path')}",
        "title": name,
    }
    params = {"value": 499, "currency": "NOK", "transaction_id": f"T-{canary.name}-{number}"}
    return {**body, "name": name, "event_id": f"e-{canary.mark('event id')}-{number}", "params": params}


def who(one: Recorded) -> tuple[str, int]:
    """Return whose ping it is and which; the order number, of which every order has its own, tells us alone."""
    order = one.params.get("ep.transaction_id") or one.params["oid"]
    _, visitor, number = order.split("-")
    return visitor, int(number)


def said(one: Recorded) -> Said:
    """Return all that a ping says: path, query, headers; but for what was drawn for it, and its order number."""
    left_out = {*DRAWN[one.vendor], SECOND, "ep.transaction_id", "oid"}
    pairs = [(key, value) for key, value in one.request.pairs if key not in left_out]
    return frozenset([("path", one.path), *pairs, *((f"header {key}", value) for key, value in one.headers)])


async def visit(whole: Whole, browser: Browser, canary: Canary, state: dict[str, str], agent: str) -> None:
    """Answer the banner and buy twice."""
    canary.browser(browser, answered=False)
    browser.headers["User-Agent"] = f"{agent} {canary.mark('agent')}/7.1"
    assert (await browser.consent(canary.statement(state))).status == 204
    for number in (1, 2):
        answer = await browser.collect(event_of(canary, "purchase", number))
        assert answer.status == 204, answer.body
    if state == GRANT:
        assert (await browser.withdraw()).status == 204


@pytest.mark.parametrize("state", [DENY, GRANT], ids=["refused", "withdrawn-while-it-waited"])
async def test_what_two_pings_share_does_not_tell_whether_one_visitor_made_both(
    start_whole: StartWhole, state: dict[str, str]
) -> None:
    """Neither those of one who refused, nor those that were stored in full and lowered after a withdrawal."""
    whole = await start_whole(
        {"shop": site(policy={"preset": "consent-mode"})}, server={"trusted_proxies": ["127.0.0.0/8"]}
    )
    began = int(time.time())
    visits = []
    for (kind, agent), number in itertools.product(AGENTS.items(), range(VISITORS)):
        network = 113 if kind == "windows" else 114
        canary = Canary(f"{kind}{number}", f"203.0.{network}.{10 + number}")
        visits.append(visit(whole, whole.rig.browser(), canary, dict(state), agent))
    await asyncio.gather(*visits)
    await whole.deliver()
    pings = await whole.quiet()
    assert len(pings) == 2 * 2 * 2 * VISITORS
    assert {one.method for one in pings} == {"GET"}

    for vendor, keys in DRAWN.items():
        mine = [one for one in pings if one.vendor == vendor]
        for key in keys:
            assert len({one.params[key] for one in mine}) == len(mine), (
                "what is drawn is drawn for one ping alone"
            )
        for one in mine:
            assert began <= int(one.params.get(SECOND, began)) <= time.time()
        told = {who(one): said(one) for one in mine}
        for kind in AGENTS:
            crowd = [f"{kind}{number}" for number in range(VISITORS)]
            for visitor in crowd:
                first = told[visitor, 1]
                common = {other: first & told[other, 2] for other in crowd}
                assert all(shared == common[visitor] for shared in common.values()), visitor


async def test_the_two_crowds_are_told_apart(start_whole: StartWhole) -> None:
    """The comparison above would see a difference: a phone and a desktop do share less than two desktops."""
    whole = await start_whole()
    for kind, agent in AGENTS.items():
        for number in (1, 2):
            canary = Canary(kind, "203.0.113.77")
            browser = whole.rig.browser()
            canary.browser(browser, answered=False)
            browser.headers["User-Agent"] = agent
            await browser.collect(event_of(canary, "purchase", number))
    await whole.deliver()
    told = {who(one): said(one) for one in await whole.quiet() if one.vendor == "google_analytics"}
    alike = told["windows", 1] & told["windows", 2]
    assert told["windows", 1] & told["iphone", 2] < alike
