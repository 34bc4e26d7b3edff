"""What Sayso itself counts, read from ``/metrics`` as anybody may."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp

from chaos.words import SITE, Vendor

_SAMPLE = re.compile(r"(\w+)\{([^}]*)\} (\S+)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass(slots=True)
class Counts:
    """The counts of one forwarder."""

    received: int = 0
    delivered: int = 0
    rejected: int = 0
    expired: int = 0
    pending: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    """By reason."""

    @property
    def drops(self) -> int:
        """All that were dropped, for whatever reason."""
        return sum(self.dropped.values())

    @property
    def adds_up(self) -> bool:
        """Whether the contract's sum holds."""
        return self.received == self.delivered + self.drops + self.rejected + self.expired + self.pending

    def words(self) -> str:
        """Return the sum, written out."""
        return (
            f"{self.received} received = {self.delivered} delivered + {self.drops} dropped + {self.rejected} rejected"
            f" + {self.expired} expired + {self.pending} pending"
        )


Census = dict[Vendor, Counts]


def parse(text: str) -> Census | None:
    """Read an exposition; None if the store was away when it was made."""
    found = {one: Counts() for one in Vendor}
    if "\nsayso_store_up 1.0" not in text:
        return None
    for name, labels, value in _SAMPLE.findall(text):
        at = dict(_LABEL.findall(labels))
        if at.get("site") != SITE:
            continue
        number = int(float(value))
        if name == "sayso_events_received_total":
            for counts in found.values():
                counts.received = number
        elif name == "sayso_outbox_entries":
            found[Vendor(at["forwarder"])].pending = number
        elif name == "sayso_outcomes_total":
            _outcome(found[Vendor(at["forwarder"])], at["outcome"], at["reason"], number)
    return found


def _outcome(counts: Counts, outcome: str, reason: str, number: int) -> None:
    match outcome:
        case "delivered":
            counts.delivered += number
        case "rejected":
            counts.rejected += number
        case "expired":
            counts.expired += number
        case _:
            if number:
                counts.dropped[reason] = counts.dropped.get(reason, 0) + number


async def ask(session: aiohttp.ClientSession, admins: Sequence[str]) -> Census | None:
    """Ask one process after the other; None if none can say now."""
    for admin in admins:
        try:
            async with session.get(f"{admin}/metrics") as answer:
                found = parse(await answer.text())
        except (aiohttp.ClientError, TimeoutError, OSError):
            continue
        if found is not None:
            return found
    return None
