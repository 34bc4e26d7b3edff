"""What gateway and delivery put into the store's trail: few bytes, and nothing that names anybody. Pure.

The trail is a stream per partition. The scripts that store and settle append to it in the same step in which they count,
so that no row is lost or made up by a crash. ``proxy.audit.rows`` makes rows of it, ``proxy.audit.ledger`` writes them.
"""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final

import orjson

from proxy.consent import Record, Unreadable
from proxy.event import CookielessEvent, FullEvent
from proxy.fields import details, filled
from proxy.signals import ConsentState
from proxy.sources.cmp import FAMILIES
from proxy.sources.weigh import Source

Part = tuple[str, str, str | None, int, str]
"""Of one forwarder: name, ``decision|reason``, the signal that stood in the way, fields kept, names of ids kept."""

NO_ANSWER: Final = 0
"""Stands for a status where the vendor gave no answer."""
_OF_LOADER: Final = ("gtag", "usercentrics", "cookiefirst")
"""What our loader names beside the platforms whose cookies we read."""
_SOURCES: Final = frozenset(
    {"page", "withdrawal", "operator", "erased", "us_privacy", *_OF_LOADER, *Source}
    | {one.name for one in FAMILIES}
)


@lru_cache(maxsize=1024)
def source_class(source: str) -> str:
    """Return the name of a source of consent if it is one of ours; a page may call itself what it likes."""
    if not source:
        return "none"
    return source if all(one in _SOURCES for one in source.split("/")) else "other"


def snapshot(
    ref: str, visitor: str, state: ConsentState, record: Record | Unreadable | None, policy_version: str
) -> bytes:
    """Return the consent that a decision stood on, written in one way.

    ``REF|VISITOR|SIGNALS|GPC|SOURCE|TIMES|DENIALS|POLICY``: the four signals as letters, ``1`` or ``0``, source, times and
    marks of denials as the record has them (all empty without a record, ``unreadable`` for one that is).
    """
    if isinstance(record, Record):
        times, denied = "%d,%d,%d,%d" % record.times, "%d,%d,%d,%d" % record.denied_at  # noqa: UP031  # the fastest
        kept = f"{record.source}|{times}|{denied}"
    else:
        kept = "||" if record is None else "unreadable||"
    return f"{ref}|{visitor}|{state.signals.code()}|{state.gpc:d}|{kept}|{policy_version}".encode()


def whose(key: bytes, ref: str, site: str, visitor: str) -> str:
    """Return whose event it is, in a form that only who has the day's key and the visitor's id can find again.

    It is another one for each event, so two rows never show that they are of the same visitor.
    """
    return blake2b(f"{ref}|{site}|{visitor}".encode(), key=key, digest_size=12).hexdigest()


def decided(
    key: bytes,
    day: int,
    ref: str,
    site: str,
    visitor: str | None,
    state: ConsentState,
    record: Record | Unreadable | None,
    policy_version: str,
    had: int,
    parts: Sequence[Part],
) -> bytes:
    """Write what was decided over one event.

    Args:
        key: of the day.
        day: which, in days since 1970.
        ref: the event's.
        site: its name.
        visitor: the visitor's id, if there is one.
        state: on what it was decided.
        record: what the store held.
        policy_version: of the site.
        had: fields that the event had.
        parts: what each forwarder gets.
    """
    seen = snapshot(ref, visitor or "", state, record, policy_version)
    return orjson.dumps(
        (
            ref,
            site,
            day,
            state.signals.code(),
            state.gpc,
            source_class(state.source),
            blake2b(seen, key=key, digest_size=16).hexdigest(),
            whose(key, ref, site, visitor) if visitor is not None else None,
            policy_version,
            had,
            parts,
        )
    )


def sent(event: FullEvent | CookielessEvent, status: int) -> str:
    """Write what a request told of an event, and its status: ``STATUS FIELDS NAMES``.

    The vendor's words are not in it: they may quote.
    """
    names = details(event.ids, event.contact) if isinstance(event, FullEvent) else ""
    return f"{status} {filled(event)} {names}"
