"""Reducing events in tests: for one forwarder in full, or for nobody in particular."""

import hashlib
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote

from forwarders.base import Forwarder
from proxy.anonymise import clean, reduce_cookieless, reduce_full
from proxy.entry import Entry, encode
from proxy.event import CookielessEvent, Event, FullEvent, Visit
from proxy.forwarder_modules import forwarder_class, shipped
from proxy.reasons import Reason
from proxy.signals import ALL_DENIED, ALL_GRANTED, ConsentState, Signals
from proxy.site import SitePolicy
from tests.support.events import NOW_MS, STANZAS

BUILT = [name for name in shipped() if name in STANZAS]
FORWARDERS: dict[str, Forwarder] = {name: forwarder_class(name).build(STANZAS[name]) for name in BUILT}
DERIVED = bytes(range(16))
RANDOM_ID = "1234567890.1795341600"

POLICY = SitePolicy(
    preset="consent-mode",
    version="0123456789ab",
    interest=False,
    consent_max_age_ms=365 * 86_400_000,
    cookieless_address=True,
    cookieless_transaction_id=True,
    cookieless_params=frozenset(),
    cookieless_max_age_s=14_400,
)


def event(**fields: object) -> Event:
    """Return a purchase with these fields and no others."""
    return Event("purchase", "e-1", NOW_MS, **fields)  # type: ignore[arg-type]  # by field name


def state(signals: Signals) -> ConsentState:
    """Return a state of these signals. Reduction reads the values; it is the decision that reads the reasons."""
    return ConsentState(signals, (Reason.GRANTED,) * 4, explicit=True)


def full(
    event: Event, forwarder: str, visit: Visit | None = None, signals: Signals = ALL_GRANTED
) -> FullEvent:
    """Reduce an event for one forwarder."""
    return reduce_full(
        clean(event),
        visit or Visit(),
        state(signals),
        FORWARDERS[forwarder],
        derived=DERIVED,
        session_start=NOW_MS // 1000 - 600,
        host="shop.example",
    )


def cookieless(
    event: Event, visit: Visit | None = None, signals: Signals = ALL_DENIED, **policy: object
) -> CookielessEvent:
    """Reduce an event until it names nobody."""
    changed = replace(POLICY, **policy)  # type: ignore[arg-type]  # by field name
    return reduce_cookieless(clean(event), visit or Visit(), state(signals), changed, RANDOM_ID)


def stored(reduced: FullEvent | CookielessEvent) -> str:
    """Return what the outbox would hold of it, in lower case."""
    return encode(Entry(reduced, "0" * 24, None, NOW_MS, NOW_MS, POLICY.version)).decode().lower()


def spellings(mark: str) -> Iterator[str]:
    """Yield a text in every encoding in which it could hide, in lower case."""
    raw = mark.encode()
    yield mark.lower()
    yield raw.hex()
    yield b64encode(raw).decode().rstrip("=").lower()
    yield urlsafe_b64encode(raw).decode().rstrip("=").lower()
    for once in (quote(mark, safe=""), "".join(f"%{byte:02x}" for byte in raw)):
        yield once.lower()
        yield quote(once, safe="").lower()
    for text in (raw, raw.lower()):
        for digest in (hashlib.md5, hashlib.sha1, hashlib.sha256):
            yield digest(text).hexdigest()
            yield b64encode(digest(text).digest()).decode().rstrip("=").lower()
