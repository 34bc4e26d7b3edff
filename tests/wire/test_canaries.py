"""Marks in everything that a visitor's browser, page or banner can say: who gets to see which of them, in which form.

Four visitors, by what they granted, make the same purchase. Every byte that left is searched, in every encoding; so are
the store, its file, the logs, the metrics and the answers. The tables were written by hand from the published rules and
say exactly what is to be found: a mark that is missing is a mistake as well.
"""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from proxy.exposition import expose
from proxy.logs import JsonFormatter
from proxy.twin.recorder import Recorded
from tests.support.canaries import LISTED_PARAM, Canary, seen
from tests.support.leaks import Leak, Needles
from tests.support.own_valkey import Valkey
from tests.support.rig import ADS, DENY, GRANT, site
from tests.support.stored import everything
from tests.support.whole import Whole, bytes_of

STATES = {
    "all": GRANT,
    "statistics": {**DENY, "analytics_storage": "granted"},
    "ads": {**DENY, **dict.fromkeys(ADS, "granted")},
    "nothing": DENY,
}

# --- what each vendor may know --------------------------------------------------------------------------------------
# A name alone: as it is, or encoded. With #sha256: as that hash and in no other form.
PAGE = {"path", "utm", "referrer host"}
WHOLE_PAGE = PAGE | {"query", "referrer path", "referrer query"}
CONTENT = {"title", "transaction", "item id", "item name", "listed parameter"}
MAIL_AND_PHONE = {"whole email#sha256", "whole phone#sha256"}
ADDRESS_BOOK = {"first name#sha256", "last name#sha256", "city#sha256", "postal code#sha256"}

# Cookieless: the page without its query, the campaign, the purchase. Nothing of the visitor.
ANALYTICS_PING = PAGE | CONTENT
ADS_PING = PAGE | {"title", "transaction"}
# Full: the vendor's own ids and click ids, its own hashes, and the browser.
STATISTICS = WHOLE_PAGE | CONTENT | {"free parameter", "item field", "agent", "_ga", "_ga session"}
ALL_OF_ANALYTICS = STATISTICS | MAIL_AND_PHONE | {"gclid", "dclid", "user id", "user property"}
CONVERSION = {"transaction", "item id", "gclid"} | MAIL_AND_PHONE
META = (
    WHOLE_PAGE
    | MAIL_AND_PHONE
    | ADDRESS_BOOK
    | {"transaction", "item id", "listed parameter", "free parameter", "event id", "agent", "_fbp", "fbclid"}
)
MICROSOFT = (
    WHOLE_PAGE
    | MAIL_AND_PHONE
    | {"title", "transaction", "item id", "item name", "event id", "agent", "_uetvid", "msclkid"}
)

TABLE: dict[tuple[str, str], dict[str, set[str]]] = {
    ("google_analytics", "full"): {"all": ALL_OF_ANALYTICS, "statistics": STATISTICS},
    ("google_analytics", "cookieless"): {"ads": ANALYTICS_PING, "nothing": ANALYTICS_PING},
    ("google_ads", "full"): {"all": CONVERSION, "ads": CONVERSION},
    ("google_ads", "cookieless"): {"statistics": ADS_PING, "nothing": ADS_PING},
    ("meta", "full"): {"all": META, "ads": META},
    ("microsoft", "full"): {"all": MICROSOFT, "ads": MICROSOFT},
}
# What is kept until it is sent is what may be sent; beside it stands what the visitor decided, under the visitor's id.
# Full entries of all vendors have the event's own content in common, though not each vendor is sent all of it.
RECORD = {"id", "source", "proof"}
ENTRY = STATISTICS | {"event id", "screen"}
STORED = {
    "all": RECORD | ENTRY | ALL_OF_ANALYTICS | CONVERSION | META | MICROSOFT,
    "statistics": RECORD | ENTRY,
    "ads": RECORD | (ENTRY - {"_ga", "_ga session"}) | CONVERSION | META | MICROSOFT,
    "nothing": ANALYTICS_PING,
}
# What is left when all is delivered: the decision, the campaign in the report's sums, which are nobody's, and the clicks
# of whom they may be kept.
LEFT = {
    "all": RECORD | {"utm", "gclid", "fbclid", "msclkid"},
    "statistics": RECORD | {"utm"},
    "ads": RECORD | {"utm"},
    "nothing": {"utm"},
}
# Marks that no vendor may see in any mode and that are kept nowhere.
NOWHERE = {
    "address", "fragment", "user name", "query email", "parameter email", "email", "first name", "last name", "city",
    "postal code", "whole email", "whole phone", "phone", "ttclid", "li_fat_id", "_gl", "mc_eid", "parameter gclid",
    "stated click id", "language", "client hint", "via", "etag", "x-header", "authorization", "referer", "cmp uid",
    "cmp agent", "li_fat_id cookie", "other cookie", "tc string", "stated agent", "stated visitor", "stated session",
    "unknown key", "_gcl_aw", "_fbc", "_uetmsclkid",
}  # fmt: skip


@dataclass
class Run:
    """One run of all four visitors, and every place that was looked at afterwards."""

    sent: dict[tuple[str, str], list[set[Leak]]] = field(default_factory=dict)
    wire: set[Leak] = field(default_factory=set)
    places: dict[str, set[Leak]] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)
    planted: dict[str, set[str]] = field(default_factory=dict)

    def search(self, place: str, needles: Needles, content: bytes) -> None:
        """Look through a place."""
        self.places[place] = needles.find(content)
        self.lengths[place] = len(content)


def mode_of(one: Recorded) -> str:
    """Tell the mode of a request by where it went."""
    return "cookieless" if one.method == "GET" else "full"


class Lines(logging.Handler):
    """Keeps every line of every logger, and all that its record holds."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.kept: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self.kept.append(
            f"{JsonFormatter().format(record)} {record.exc_text} {record.exc_info} {record.__dict__}"
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def run(wire_valkey: Valkey) -> AsyncIterator[Run]:
    """Have all four visitors consent and buy; deliver; search."""
    wire_valkey.ask("FLUSHALL")
    found = Run()
    lines = Lines()
    root = logging.getLogger()
    level = root.level
    root.addHandler(lines)
    root.setLevel(logging.DEBUG)
    try:
        await drive(wire_valkey, found, lines)
    finally:
        root.removeHandler(lines)
        root.setLevel(level)
    yield found


async def drive(server: Valkey, found: Run, lines: Lines) -> None:
    """Fill ``found``."""
    needles = Needles()
    answers: list[bytes] = []
    policy = {"preset": "consent-mode", "cookieless_params": [LISTED_PARAM]}
    proxies = {"trusted_proxies": ["127.0.0.0/8"]}
    async with Whole(server.url, {"shop": site(policy=policy)}, server=proxies) as whole:
        for number, (name, state) in enumerate(STATES.items()):
            canary = Canary(name, f"203.0.{113 + number}.77")
            browser = canary.browser(whole.rig.browser())
            for answer in (
                await browser.consent(canary.statement(state)),
                await browser.collect(canary.purchase()),
                await browser.collect(canary.purchase()),  # a duplicate
                await browser.collect({**canary.purchase(), "name": f"no name {canary.mark('path')}"}),
                await browser.collect(canary.purchase(), {"Origin": f"https://{canary.mark('via')}.example"}),
                await browser.get(f"/{canary.mark('path')}"),
            ):
                answers.append(answer.body)
                answers += [
                    f"{key}: {value}".encode() for key, value in answer.headers.items() if key != "Set-Cookie"
                ]
            if browser.id is not None:
                canary.marks["id"] = browser.id
            canary.add_to(needles)
            found.planted[name] = set(canary.marks)
        found.search("the store while entries wait", needles, everything(server))
        await whole.deliver()
        for one in await whole.quiet():
            assert one.errors == (), one.errors
            found.sent.setdefault((one.vendor, mode_of(one)), []).append(needles.find(bytes_of(one)))
        found.wire = needles.find(whole.tee.sent)
        found.search("the store afterwards", needles, everything(server))
        found.search("the store's file", needles, server.on_disk())
        found.search("the answers", needles, b"\n".join(answers))
        metrics = await expose(whole.rig.store, whole.rig.sites, 1)
        found.search("the metrics", needles, metrics)
    found.search("the logs", needles, "\n".join(lines.kept).encode())


@pytest.mark.parametrize(("vendor", "mode"), TABLE, ids=[f"{vendor}-{mode}" for vendor, mode in TABLE])
def test_a_vendor_sees_exactly_what_its_mode_allows(run: Run, vendor: str, mode: str) -> None:
    """Of each visitor: what the table says, and of those who did not allow it nothing."""
    together = set[Leak]().union(*run.sent[vendor, mode])
    for visitor in STATES:
        assert seen(together, visitor) == TABLE[vendor, mode].get(visitor, set()), visitor


def test_no_other_requests_were_made(run: Run) -> None:
    """What is in no row of the table would not have been looked at."""
    assert run.sent.keys() == TABLE.keys()


def test_a_cookieless_request_is_of_one_visitor_alone(run: Run) -> None:
    """Pings are never put together, so none tells which others came from the same browser."""
    for (_, mode), requests in run.sent.items():
        if mode == "cookieless":
            assert all(len({leak.name.partition(":")[0] for leak in found}) == 1 for found in requests)


def test_no_byte_beside_the_events_tells_anything(run: Run) -> None:
    """Everything that went over the wire to anybody, tokens included, holds no mark but those of the events."""
    events = set[Leak]().union(*(found for requests in run.sent.values() for found in requests))
    assert {leak.name for leak in run.wire} == {leak.name for leak in events}


@pytest.mark.parametrize("place", ["the store while entries wait", "the store's file"])
@pytest.mark.parametrize("visitor", STATES)
def test_the_store_keeps_exactly_what_may_be_sent(run: Run, place: str, visitor: str) -> None:
    """And the decision. Of one who refused it keeps what names nobody."""
    assert seen(run.places[place], visitor) == STORED[visitor]


@pytest.mark.parametrize("visitor", STATES)
def test_afterwards_the_store_keeps_the_decision_and_what_brought_the_visitor(run: Run, visitor: str) -> None:
    """What is delivered is deleted."""
    assert seen(run.places["the store afterwards"], visitor) == LEFT[visitor]


@pytest.mark.parametrize("place", ["the answers", "the metrics", "the logs"])
def test_nobody_is_named_elsewhere(run: Run, place: str) -> None:
    """Not in an answer, good or bad, not in a metric, not in a line of any logger at any level."""
    assert run.lengths[place] > 500, "there was nothing to look through"
    assert run.places[place] == set()


def test_what_nobody_may_have_was_planted_and_is_nowhere(run: Run) -> None:
    """Not on the wire, and in nothing that is kept, in any form but the hashes that a vendor's rules ask for."""
    hashed = {place.removesuffix("#sha256") for place in MAIL_AND_PHONE | ADDRESS_BOOK}
    for visitor, planted in run.planted.items():
        assert planted >= NOWHERE - {"address"}, "a mark that was never planted cannot be missed"
        for where in (run.wire, *run.places.values()):
            plain = {one for one in seen(where, visitor) if "#" not in one}
            assert not plain & NOWHERE
            hashes = {one.partition("#")[0] for one in seen(where, visitor) if "#" in one}
            assert hashes <= hashed
