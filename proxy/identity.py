"""The visitor's id, the cookies that carry it or a refusal, and what each vendor gets instead of it. Pure but for chance.

The id is 128 random bits. It leaves to nobody: every forwarder gets its own keyed derivative.
"""

import hashlib
import re
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass

from proxy.consent import FUTURE_MS, UNREADABLE, Refusal, Unreadable
from proxy.signals import Signals, Value

REFUSAL_COOKIE = "_sayso_consent"
_ID = re.compile(r"([A-Za-z0-9_-]{22})(?:\.([0-9]{10}))?\Z")
_REFUSAL = re.compile(r"1\.([gdu]{4})\.([0-9]{13})\Z")
_SKEW_S = 24 * 3600
_ALIKE_S = 10


@dataclass(frozen=True, slots=True, repr=False)
class Visitor:
    """A visitor id and when it was made (Unix s; 0 where only the id is known, as with a backend)."""

    id: str
    created: int

    def cookie_value(self) -> str:
        """Return what the id cookie holds; its life is counted from the time in it, whatever the browser does."""
        return f"{self.id}.{self.created}"


def mint(now_s: int) -> Visitor:
    """Make a new id."""
    return Visitor(secrets.token_urlsafe(16), now_s)


def mint_alike(key: bytes, site: str, browser: tuple[str, ...], now_s: int) -> Visitor:
    """Make the new id that hits which one browser sends at once, before it has our cookie, agree on.

    Else each of them would be another visitor, and a withdrawal would reach only the one whose cookie came last. It is
    another one ten seconds later: nobody is known again by it, and it says nothing without our key.

    Args:
        key: the installation's secret.
        site: the site's name.
        browser: what tells one browser of a site from the others, among it an id of its own, and what it says. Not kept.
        now_s: Unix s.
    """
    text = "\0".join((site, *browser, str(now_s // _ALIKE_S)))
    digest = hashlib.blake2b(
        text.encode("utf-8", "replace"), key=key, digest_size=16, person=b"mint"
    ).digest()
    return Visitor(urlsafe_b64encode(digest).rstrip(b"=").decode(), now_s)


def parse_visitor(text: str) -> Visitor | None:
    """Read an id, with or without its time of creation; None if it is not one."""
    match = _ID.match(text)
    return Visitor(match[1], int(match[2] or 0)) if match else None


def read_cookie(text: str, *, now_s: int, max_age_s: int) -> Visitor | None:
    """Read the id cookie. One that is malformed, from the future or past its life counts as absent."""
    visitor = parse_visitor(text)
    if visitor is None or not now_s - max_age_s < visitor.created <= now_s + _SKEW_S:
        return None
    # Another machine's clock may be ahead; no life is ever counted from a moment that has not come yet.
    return visitor if visitor.created <= now_s else Visitor(visitor.id, now_s)


def refusal_value(signals: Signals, decided_at: int) -> str:
    """Return what the refusal cookie holds: the four signals and a time (Unix ms), no id."""
    return f"1.{signals.code()}.{decided_at:013d}"


def read_refusal(text: str, *, now_ms: int) -> Refusal | Unreadable:
    """Read the refusal cookie; one that cannot have been written by us is unreadable, never silence."""
    match = _REFUSAL.match(text)
    if match is None:
        return UNREADABLE
    decided_at = int(match[2])
    # It may be as far ahead as the grant that it ended was. No clock of ours wrote a time beyond that; such a cookie
    # must not outrank every later decision.
    return Refusal(Signals.from_code(match[1]), decided_at if decided_at <= now_ms + FUTURE_MS else now_ms)


def is_refusal(signals: Signals) -> bool:
    """Tell whether a statement grants nothing."""
    return Value.GRANTED not in signals.values()


def ref_of(key: bytes, site: str, event_id: str) -> str:
    """Return the name under which an event is known inside, which says nothing outside; 24 hex digits."""
    return hashlib.blake2b(f"{site}\0{event_id}".encode(), key=key, digest_size=12).hexdigest()


def derive(key: bytes, site: str, forwarder: str, visitor_id: str) -> bytes:
    """Return 16 bytes that stand for the visitor at one forwarder of one site, and tell nobody else anything."""
    return hashlib.blake2b(f"{site}\0{forwarder}\0{visitor_id}".encode(), key=key, digest_size=16).digest()
