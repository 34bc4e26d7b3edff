"""The demo's live view: what is decided about each event, and what becomes of it at each vendor."""

import asyncio
import json
import re
from typing import Any

import aiohttp
import pytest

from proxy.demo.run import Demo
from proxy.twin.faults import Fault
from tests.support.demo import NO, YES, Visitor, until

VENDORS = ("google_analytics", "google_ads", "meta", "microsoft")
F, C, D = "full", "cookieless", "drop"


@pytest.mark.parametrize(
    ("preset", "values", "expected"),
    [
        ("consent-mode", None, (C, C, D, D)),
        ("consent-mode", (NO, NO, NO, NO), (C, C, D, D)),
        ("consent-mode", (YES, NO, NO, NO), (F, C, D, D)),
        ("consent-mode", (YES, YES, YES, YES), (F, F, F, F)),
        ("notice-2021", None, (F, C, D, D)),
        ("notice-2021", (NO, NO, NO, NO), (C, C, D, D)),
        ("notice-2021", (YES, NO, NO, NO), (F, C, D, D)),
        ("notice-2021", (YES, YES, YES, YES), (F, F, F, F)),
        ("eea-strict", None, (D, D, D, D)),
        ("eea-strict", (NO, NO, NO, NO), (D, D, D, D)),
        ("eea-strict", (YES, NO, NO, NO), (F, D, D, D)),
        ("eea-strict", (YES, YES, YES, YES), (F, F, F, F)),
    ],
)
async def test_a_purchase_under_each_policy(
    demo: Demo,
    session: aiohttp.ClientSession,
    preset: str,
    values: tuple[str, ...] | None,
    expected: tuple[str, ...],
) -> None:
    """The feed shows each decision, and every vendor that may have the event accepts it as what it was decided."""
    visitor = Visitor(demo, session, preset)
    if values is not None:
        await visitor.choose(*values)
    await visitor.buy()
    await until(visitor.settled)
    rows = visitor.rows()
    assert tuple(rows[name]["decision"] for name in VENDORS) == expected
    for name, decision in zip(VENDORS, expected, strict=True):
        assert len(rows[name]["attempts"]) == (decision != D)
        assert demo.twin.twin.tally(name).accepted == (decision != D)


async def test_the_request_behind_a_row_can_be_fetched(visitor: Visitor) -> None:
    """A row names the twin's records; the shop shows them as the vendor got them, without how they travelled."""
    await visitor.choose(*[YES] * 4)
    await visitor.buy()
    await until(lambda: visitor.state("meta") == "accepted")
    (seq,) = visitor.rows()["meta"]["attempts"]
    async with visitor.session.get(f"{visitor.shop}/requests/{seq}") as answer:
        shown = await answer.json()
    assert shown["method"] == "POST"
    assert re.fullmatch(r"https://graph\.facebook\.com/v[\d.]+/1234567890/events", shown["url"])
    assert shown["json"]["data"][0]["event_name"] == "Purchase"
    assert shown["status"] == 200
    assert "host" not in dict(shown["headers"])
    async with visitor.session.get(f"{visitor.shop}/requests/{seq + 1000}") as answer:
        assert answer.status == 404


async def test_the_live_view_tells_all_and_then_only_what_changed(visitor: Visitor) -> None:
    """A reader that comes back with the number of its last card gets what changed since, and no more."""
    await visitor.buy()
    await until(visitor.settled)
    first = await read_feed(visitor, 1, {})
    last = max(first)
    await visitor.buy()
    await until(visitor.settled)
    later = await read_feed(visitor, 1, {"Last-Event-ID": str(last)})
    assert min(later) > last
    assert {card["key"] for card in later.values()}.isdisjoint(card["key"] for card in first.values())


async def read_feed(visitor: Visitor, cards: int, headers: dict[str, str]) -> dict[int, Any]:
    """Return so many cards by their numbers."""
    found: dict[int, Any] = {}
    number = 0
    async with asyncio.timeout(10), visitor.session.get(f"{visitor.shop}/feed", headers=headers) as live:
        assert live.content_type == "text/event-stream"
        async for line in live.content:
            if line.startswith(b"id: "):
                number = int(line[4:])
            elif line.startswith(b"data: "):
                found[number] = json.loads(line[6:])
                if len(found) == cards:
                    break
    return found


@pytest.mark.parametrize(
    ("fault", "status"), [(Fault(status=503, count=1), 503), (Fault(reset=True, count=1), 0)]
)
async def test_a_vendor_in_trouble_is_tried_again(visitor: Visitor, fault: Fault, status: int) -> None:
    """A row comes to its end all the same, with each attempt to be looked at; the other vendors notice nothing."""
    twin = visitor.demo.twin.twin
    twin.fault("meta", fault)
    await visitor.choose(*[YES] * 4)
    await visitor.buy()
    await until(visitor.settled)
    requests = {one.seq: one for one in twin.requests("meta")}
    assert [requests[seq].status for seq in visitor.rows()["meta"]["attempts"]] == [status, 200]
    assert [len(row["attempts"]) for name, row in visitor.rows().items() if name != "meta"] == [1, 1, 1]


async def test_a_refusal_for_good_is_told_in_words(visitor: Visitor) -> None:
    """A vendor that does not want an event says why, and the row says it."""
    visitor.demo.twin.twin.fault("microsoft", Fault(status=400))
    await visitor.choose(*[YES] * 4)
    await visitor.buy()
    await until(lambda: visitor.state("microsoft") == "refused")
    assert visitor.rows()["microsoft"]["words"]


async def test_what_waits_for_a_vendor_is_held_back_by_a_withdrawal(visitor: Visitor) -> None:
    """Consent is taken back while Meta hangs: its event never arrives, and the row says why."""
    twin = visitor.demo.twin.twin
    twin.fault("meta", Fault(reset=True))
    await visitor.choose(*[YES] * 4)
    await visitor.buy()
    await until(lambda: visitor.state("meta") == "silent")
    await visitor.withdraw()
    twin.fault("meta")
    await until(lambda: visitor.state("meta") == "withdrawn", within=20)
    assert twin.tally("meta").accepted == 0
