"""Every cell of the decision table on the wire: what a visitor said, what they did, and what each vendor was sent.

Real requests go in; what comes out is read from the requests that reached the twin, and from nothing else. The table is
``tests/support/decisions.py``.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

from proxy.store.keys import consent_key
from proxy.twin.recorder import Recorded
from tests.support.decisions import EVENTS, FORWARDERS, MODES, PRESETS, ROWS, SAID, Row
from tests.support.own_valkey import Valkey
from tests.support.rig import ADS, DENY, GRANT, ORIGIN, Browser, site
from tests.support.whole import Whole

DAY_MS = 86_400_000


def expected(row: Row, event: str, forwarder: str) -> tuple[str, str]:
    """Return mark and reason of a cell."""
    mark, reason = row.cells[forwarder]
    if forwarder != "google_ads":
        return mark, reason
    if event == "page_view":  # Google Ads is told of conversions alone
        return "-", "not_configured"
    if (
        event == "purchase-without-id" and mark == "F"
    ):  # Data Manager takes none without click id or contact hash
        return ("-" if row.place == "eea-strict" else "C"), "no_identifier"
    return mark, reason


# --- the visitors ---------------------------------------------------------------------------------------------------
Prepare = Callable[[Whole, Browser, str, int], Awaitable[None]]


@dataclass(frozen=True)
class Visitor:
    """How a visitor comes to be in a state: what they post before, what their browser and their events say."""

    states: Mapping[str, object] | None = None
    before: Prepare | None = None
    gpc: bool = False
    says: Mapping[str, str] = field(default_factory=dict)


def _granted(*names: str) -> dict[str, str]:
    return {name: "granted" if name in names else "denied" for name in GRANT}


async def _long_ago(whole: Whole, browser: Browser, base: str, now: int) -> None:
    await browser.post(f"{base}consent", {**GRANT, "decided_at": now - 366 * DAY_MS})


async def _with_gpc(_whole: Whole, browser: Browser, base: str, _now: int) -> None:
    await browser.post(f"{base}consent", dict(GRANT), {"Sec-GPC": "1"})


async def _withdraw(_whole: Whole, browser: Browser, base: str, _now: int) -> None:
    await browser.post(f"{base}consent", dict(GRANT))
    kept = dict(browser.cookies)
    await browser.request("DELETE", f"{base}consent")
    browser.cookies.clear()
    browser.cookies.update(kept)  # a browser, or somebody else, that sends the old id all the same


async def _refuse_elsewhere(_whole: Whole, browser: Browser, base: str, now: int) -> None:
    await browser.post(f"{base}consent", {**GRANT, "decided_at": now - DAY_MS})
    browser.cookies["_sayso_consent"] = f"1.dddd.{now - 1000}"


async def _spoil_record(whole: Whole, browser: Browser, base: str, _now: int) -> None:
    await browser.post(f"{base}consent", dict(GRANT))
    await whole.rig.ask("HSET", consent_key(base.strip("/"), browser.id or ""), "ad_storage", "perhaps")


async def _spoil_refusal(_whole: Whole, browser: Browser, base: str, _now: int) -> None:
    await browser.post(f"{base}consent", dict(GRANT))
    browser.cookies["_sayso_consent"] = "1.gggg"


async def _two_ids(_whole: Whole, browser: Browser, base: str, _now: int) -> None:
    await browser.post(f"{base}consent", dict(GRANT))
    browser.headers["Cookie"] = f"_sayso={browser.cookies['_sayso']}; _sayso={'A' * 22}.1795341600"
    browser.cookies.clear()


VISITORS: dict[str, Visitor] = {
    "unknown": Visitor(),
    "denied": Visitor(DENY),
    "statistics": Visitor(_granted("analytics_storage")),
    "statistics-rest-open": Visitor({"analytics_storage": "granted"}),
    "ads": Visitor(_granted(*ADS)),
    "ads-rest-open": Visitor(dict.fromkeys(ADS, "granted")),
    "ads-not-personal": Visitor({**GRANT, "ad_personalization": "denied"}),
    "storage-only": Visitor(_granted("ad_storage")),
    "all": Visitor(GRANT),
    "all-by-the-event": Visitor(says=GRANT),
    "denied-by-the-event": Visitor(GRANT, says=DENY),
    "gpc": Visitor(gpc=True),
    "gpc-over-a-grant": Visitor(GRANT, gpc=True),
    "gpc-in-the-grant": Visitor(before=_with_gpc, gpc=True),
    "expired": Visitor(before=_long_ago),
    "withdrawn": Visitor(before=_withdraw),
    "refusal-over-a-grant": Visitor(before=_refuse_elsewhere),
    "unreadable-record": Visitor(before=_spoil_record),
    "unreadable-refusal": Visitor(before=_spoil_refusal),
    "two-ids": Visitor(before=_two_ids),
}

# --- on the wire ----------------------------------------------------------------------------------------------------
Cell = tuple[str, str, str, str]
"""Place, state, event, forwarder."""


@dataclass(frozen=True)
class Arrived:
    """One event as a vendor got it: in which mode, and what it was told of the visitor's consent."""

    mode: str
    told: str


@dataclass
class Results:
    """All that came out: requests by cell, reasons by cell, and what the twin found fault with."""

    arrived: dict[Cell, list[Arrived]] = field(default_factory=dict)
    reasons: dict[Cell, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def sites() -> dict[str, Any]:
    """Return a site for each preset, and one that sends pings where a record cannot be read."""
    policies = {preset: {"preset": preset} for preset in PRESETS}
    policies["on-store-failure-cookieless"] = {"preset": "consent-mode", "on_store_failure": "cookieless"}
    return {
        name: site(
            hosts=["127.0.0.1"],
            base_path=f"/{name}/",
            policy=policy,
            visitor={
                "attribution_days": 0
            },  # else the purchase without an id would have that of the page before it
        )
        for name, policy in policies.items()
    }


def event_of(row: Row, name: str, says: Mapping[str, str]) -> dict[str, object]:
    """Return an event that says in its page's address, and in its order number, which cell it belongs to."""
    query = "" if name == "purchase-without-id" else "?gclid=Cj0KCQtest-1&fbclid=IwAR0test-1"
    body: dict[str, object] = {
        "name": name.partition("-")[0],
        "page": {"url": f"{ORIGIN}/{row.place}/{row.state}/{name}{query}"},
        "consent": dict(says),
    }
    if name != "page_view":
        order = f"{row.place}/{row.state}/{name}"
        body["params"] = {"value": 499, "currency": "NOK", "transaction_id": order}
    return body


async def drive(url: str) -> Results:
    """Send every event of every visitor, deliver them all, and read what the vendors got."""
    results = Results()
    async with Whole(url, sites()) as whole:
        for row in ROWS:
            visitor = VISITORS[row.state]
            browser = whole.rig.browser()
            base = f"/{row.place}/"
            if visitor.states is not None:
                answer = await browser.post(f"{base}consent", dict(visitor.states))
                assert answer.status == 204, answer.body
            if visitor.before is not None:
                await visitor.before(whole, browser, base, whole.rig.clock())
            if visitor.gpc:
                browser.headers["Sec-GPC"] = "1"
            for name in EVENTS:
                answer = await browser.post(f"{base}collect", event_of(row, name, visitor.says))
                assert answer.status == 204, answer.body
                for forwarder, decided in whole.rig.told[-1].decided:
                    results.reasons[row.place, row.state, name, forwarder] = decided.reason
        await whole.deliver()
        for one in await whole.quiet():
            results.faults += [f"{one.vendor}: {word}" for word in one.errors]
            for place, arrived in read(one):
                cell: Cell = (*place, one.vendor)
                results.arrived.setdefault(cell, []).append(arrived)
    return results


def read(one: Recorded) -> list[tuple[tuple[str, str, str], Arrived]]:
    """Take a request apart into events."""
    body: Any = one.json
    match one.vendor, one.method:
        case "google_analytics", "POST":
            told = "".join(body["consent"][key][0].lower() for key in ("ad_user_data", "ad_personalization"))
            return [
                (_page(each["params"]["page_location"]), Arrived("full", told)) for each in body["events"]
            ]
        case "google_ads", "POST":
            return [
                (
                    _place(each["transactionId"]),
                    Arrived(
                        "full",
                        "".join(
                            each["consent"][key].removeprefix("CONSENT_")[0].lower()
                            for key in ("adUserData", "adPersonalization")
                        ),
                    ),
                )
                for each in body["events"]
            ]
        case "meta", "POST":
            return [(_page(each["event_source_url"]), Arrived("full", "")) for each in body["data"]]
        case "microsoft", "POST":
            return [
                (_page(each["eventSourceUrl"]), Arrived("full", each["adStorageConsent"]))
                for each in body["data"]
            ]
        case "google_analytics" | "google_ads", "GET":
            params = one.params
            told = f"{params['gcs']} {params['gcd']}"
            return [(_page(params.get("dl") or params["url"]), Arrived("cookieless", told))]
        case _:
            raise AssertionError(f"nobody sends {one.method} to {one.vendor}: {one.path}")


def _page(url: str) -> tuple[str, str, str]:
    return _place(urlsplit(url).path)


def _place(path: str) -> tuple[str, str, str]:
    place, state, event = path.strip("/").split("/")
    return place, state, event


@pytest.fixture(scope="module")
def results(wire_valkey: Valkey) -> Results:
    """Drive all cells once."""
    wire_valkey.ask("FLUSHALL")
    return asyncio.run(drive(wire_valkey.url))


def test_the_table_is_whole() -> None:
    """Each preset has a line for each state; the odd site has the lines in which it differs."""
    for preset in PRESETS:
        assert [row.state for row in ROWS if row.place == preset] == list(VISITORS)
    assert list(SAID) == list(VISITORS)


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.place}-{row.state}" for row in ROWS])
def test_each_vendor_is_sent_what_the_table_says(results: Results, row: Row) -> None:
    """Nothing, a ping that states the visitor's very consent, or a full event; and the reason is the table's."""
    gcs, gcd, shares = SAID[row.state]
    for event in EVENTS:
        for forwarder in FORWARDERS:
            cell = (row.place, row.state, event, forwarder)
            mark, reason = expected(row, event, forwarder)
            told = {
                "-": "",
                "C": f"{gcs} {gcd}",
                "F": {"google_analytics": shares, "google_ads": shares, "meta": "", "microsoft": "G"}[
                    forwarder
                ],
            }[mark]
            wanted = [] if mark == "-" else [Arrived(MODES[mark], told)]
            assert results.arrived.get(cell, []) == wanted, cell
            assert results.reasons[cell] == reason, cell


def test_nothing_came_that_is_in_no_cell(results: Results) -> None:
    """Every request that reached a vendor belongs to an event that was sent, and no event came twice."""
    cells = {(row.place, row.state, event, name) for row in ROWS for event in EVENTS for name in FORWARDERS}
    assert results.arrived.keys() <= cells
    assert all(len(arrived) == 1 for arrived in results.arrived.values())


def test_the_vendors_find_no_fault(results: Results) -> None:
    """The twin checks requests as the vendors do."""
    assert results.faults == []
    assert {cell[3] for cell in results.arrived} == set(FORWARDERS)
