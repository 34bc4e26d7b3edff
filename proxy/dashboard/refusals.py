"""What vendors said of the conversions that they refused, gathered from the dead letters. Bounded; nothing personal."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Final

from proxy.dashboard.known import Refusals
from proxy.operate.desk import Desk
from proxy.operate.letters import newest
from proxy.operate.outboxes import Outbox
from proxy.site import Site

_MOST_LETTERS: Final = 500
"""Dead letters that are looked at, per forwarder and partition: the newest."""
_MOST_WORDS: Final = 8
_LONGEST: Final = 300
_ONE_OFF: Final = re.compile(r"\b(?=[\w-]*\d)[\w-]{6,}\b")
"""A number, or an id with digits in it: it would make each refusal one of its own."""


def alike(words: str) -> str:
    """Return a vendor's words without what differs from one refusal to the next."""
    return _ONE_OFF.sub("…", words)[:_LONGEST]


async def read_refusals(desk: Desk, site: Site, event: str | None) -> Mapping[str, Refusals]:
    """Return what each forwarder's vendor said of refused conversions, as far as they are still kept.

    Args:
        desk: the store.
        site: which.
        event: the conversion's name; None: all.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    wanted = site.conversions if event is None else {event}
    found: dict[str, Refusals] = {}
    for link in site.links:
        counts, looked, more = Counter[str](), 0, False
        for partition in desk.partitions:
            letters = await newest(desk, Outbox(site.name, link.name, partition), _MOST_LETTERS)
            looked += len(letters)
            more = more or len(letters) == _MOST_LETTERS
            counts.update(alike(one.words) for one in letters if one.event in wanted and one.words)
        if counts:
            found[link.name] = Refusals(counts.most_common(_MOST_WORDS), looked, more)
    return found
