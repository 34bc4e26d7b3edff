"""What the report counts of a conversion: sums by few words, with nothing of a visitor, no id and no address. Pure.

The gateway says what is to be counted; the script that stores the event counts it in the same step (``accept.lua``),
and the one that settles its entries adds how each ended (``settle.lua``). ``docs/store.md`` lists the fields.
"""

import re
from collections.abc import Sequence
from datetime import UTC, tzinfo
from functools import lru_cache
from typing import Final

from proxy.attribution import Credit
from proxy.audit.trail import Part
from proxy.campaign import Campaign
from proxy.clickids import CLICK_IDS, extract
from proxy.event import Event
from proxy.fields import CLICK_IDS as HAS_CLICK_ID
from proxy.report.currencies import CURRENCIES
from proxy.report.model import Consented
from proxy.signals import Signals, Value
from proxy.store.outbox import Conversion
from proxy.zone import Days

MOST_VALUE: Final = 10**12
"""Thousandths that one conversion may be worth; one that says more, or less than the same below zero, counts without."""
APART: Final = "\x1f"
"""Stands between source, medium and campaign: no printable text has it."""
NO_CURRENCY: Final = "-"
CLICK_KEY: Final = "click_ids"
"""Under this name is counted that the page's address, as the vendor gets it, holds a click id of the vendor's."""

_NOT_BY_A_CLICK: Final = frozenset({"klaviyo", "mailchimp", "hubspot", "marketo", "eloqua", "adobe", "other"})
"""Vendors of mail and of other tools, whose ids stand for no click on an advertisement."""
_NO_CLICK: Final = frozenset(
    "_gl _ga _gac gac gclsrc gad_source gad_campaignid srsltid gclaw gcldc gclha gclgf gclgb gclgs gclag _openstat"
    " fb_action_ids fb_comment_id igshid igsh li_ed".split()
)
"""Parameters of theirs that come with a click id, or without any."""
CLICKS: Final = frozenset(
    name for name, vendor in CLICK_IDS.items() if vendor not in _NOT_BY_A_CLICK and name not in _NO_CLICK
) | {"fbc"}
"""Names that stand for a click on an advertisement; Meta's ``fbc`` is the cookie that is made of one."""
_NO_KEY: Final = frozenset({"session_id"})
"""Ids by which no vendor finds a person or a click."""
_KEY: Final = re.compile(r"[A-Za-z0-9_]{1,40}")
_MOST_KEYS: Final = 20


@lru_cache(maxsize=128)  # there are 81
def consented(signals: Signals) -> Consented:
    """Say what a visitor's state amounts to."""
    statistics, *ads = signals.values()
    granted = ads.count(Value.GRANTED)
    if statistics is Value.GRANTED:
        return Consented.ALL if granted == len(ads) else Consented.STATISTICS
    if granted:
        return Consented.ADS
    return Consented.DENIED if Value.DENIED in signals.values() else Consented.UNKNOWN


def thousandths(value: float | None) -> int | None:
    """Return an amount in thousandths of its unit; None if there is none, or none that can be added up."""
    if value is None or not -MOST_VALUE <= value * 1000 <= MOST_VALUE:
        return None
    return round(value * 1000)


class Counting:
    """Says what is to be counted of the events of one process.

    Args:
        zone: by whose midnights days are told apart.
    """

    def __init__(self, zone: tzinfo = UTC) -> None:
        self._days = Days(zone)

    def mark(self, event: Event, now_ms: int) -> str:
        """Return what an entry of a conversion bears, so that its end is told to the right report: day and name."""
        return f"{self._days.of(now_ms)}|{event.name}"

    def conversion(
        self,
        mark: str,
        event: Event,
        signals: Signals,
        credit: Credit,
        parts: Sequence[Part],
        *,
        late: bool,
    ) -> Conversion:
        """Say what is to be counted of a conversion.

        Args:
            mark: its own, see ``mark``.
            event: as it was reported.
            signals: the state on which it was decided.
            credit: where its visitor came from, as far as it may be known.
            parts: what each forwarder gets, as the audit trail is told.
            late: it was made before its visitor's newest decision.
        """
        day, name = mark.split("|")
        fields = [f"c|{name}|{consented(signals)}"]
        if late:
            fields.append(f"l|{name}")
        found = {*event.ids, *credit.clicks, *(extract(event.url) if event.url else ())}
        for forwarder, decided, _, held, names in parts:
            if not decided.startswith("full|"):
                continue
            keys = keys_of(held, names)
            fields += [f"k|{name}|{forwarder}|{key}" for key in keys]
            found.update(keys)
        amount = thousandths(event.value)
        currency = event.currency if event.currency in CURRENCIES else NO_CURRENCY
        money = f"{currency}\n{amount}" if amount is not None else "\n"
        clicks = 0 if CLICKS.isdisjoint(found) else 1
        told = "\n".join(fields)
        return Conversion(day, name, f"{name}\n{row_of(credit.touch)}\n{clicks}\n{money}\n{told}\n")


@lru_cache(maxsize=2048)  # vendors' names of their ids: there are few combinations
def keys_of(held: int, names: str) -> tuple[str, ...]:
    """Return by what the vendor finds a person or a click in a full entry.

    Args:
        held: its fields, as ``proxy.fields`` numbers them.
        names: of its vendor ids and contact hashes, as ``proxy.fields.details`` writes them.
    """
    keys = [one for one in re.split("[,;]", names) if _KEY.fullmatch(one) and one not in _NO_KEY]
    return (*keys[:_MOST_KEYS], CLICK_KEY) if held & HAS_CLICK_ID else tuple(keys[:_MOST_KEYS])


def row_of(campaign: Campaign | None) -> str:
    """Return a campaign as the store's field: source, medium and campaign, parted by ``APART``."""
    if campaign is None:
        return APART * 2
    row = f"{campaign.source}{campaign.medium}{campaign.campaign}"
    if row.isprintable():
        return f"{campaign.source}{APART}{campaign.medium}{APART}{campaign.campaign}"
    parts = (campaign.source, campaign.medium, campaign.campaign)
    return APART.join("".join(filter(str.isprintable, one)) for one in parts)
