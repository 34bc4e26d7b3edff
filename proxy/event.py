"""An event in its three forms: as reported, as a full entry may carry it, as a cookieless entry may.

Types only. ``proxy.parse`` makes an ``Event`` out of what a stranger sent, ``proxy.anonymise`` reduces it. The third
form has no field for a person: what is not here cannot reach a cookieless request.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy.signals import ALL_UNKNOWN, Signals

Scalar = str | int | float | bool
Item = dict[str, Scalar]


@dataclass(frozen=True, slots=True)
class UserData:
    """Contact data as the site knows it, plain. Lives in memory only; each vendor gets its own hash of it."""

    email: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    first_name: str = field(default="", repr=False)
    last_name: str = field(default="", repr=False)
    city: str = field(default="", repr=False)
    postal_code: str = field(default="", repr=False)
    country: str = field(default="", repr=False)
    google_email: str = field(default="", repr=False)
    """What a site hashed by Google's rules itself (64 hex digits): of use to Google alone, and where the plain is missing."""
    google_phone: str = field(default="", repr=False)


@dataclass(slots=True, repr=False)
class Event:
    """What the browser or a backend reported, parsed once and checked. Never stored."""

    name: str
    event_id: str
    time_ms: int
    url: str | None = None
    referrer: str | None = None
    title: str | None = None
    params: dict[str, Scalar] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)
    value: float | None = None
    currency: str | None = None
    transaction_id: str | None = None
    user_data: UserData | None = None
    user_id: str | None = None
    user_properties: dict[str, Scalar] = field(default_factory=dict)
    consent: Signals = ALL_UNKNOWN
    # What consent platforms said in strings of their own beside the event (gcs, gdpr_consent, gpp ...), as it came.
    strings: Mapping[str, str] = field(default_factory=dict)
    language: str | None = None
    screen: str | None = None
    # Click ids and vendor ids that the page (or, with an ingest key, the backend) named itself.
    ids: dict[str, str] = field(default_factory=dict)
    # Only with an ingest key: what a browser's own request would have carried.
    visitor: str | None = None
    session_id: str | None = None
    # Google's own name for the browser, as a backend (or Google's tag) states it; and the one data stream of Google
    # Analytics that the event is for, by its measurement id: forwarders of other streams do not get it.
    client_id: str | None = None
    stream: str | None = None
    # What Google's own tag said beside the event, by its short names (``proxy.hits``); None: no such tag sent it.
    hit: Mapping[str, str] | None = None
    user_agent: str | None = None
    address: str | None = None
    minted: bool = False


@dataclass(slots=True, repr=False)
class Visit:
    """What the request around an event carried, already reduced: no raw address is in it.

    ``address`` is truncated. ``cookies`` holds only cookies that some forwarder of the site declared.
    """

    user_agent: str = ""
    address: str | None = None
    country: str | None = None
    region: str | None = None
    language: str | None = None
    cookies: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, repr=False)
class FullEvent:
    """What one forwarder may know of a consented event. The gateway makes it; the outbox stores it.

    ``address`` is truncated and public, or None. ``ids`` is what that forwarder's ``identify`` returned. ``contact``
    holds that vendor's own hashes. ``time_ms`` is Unix time in milliseconds. ``hit`` is what the forwarder's
    ``keeps_hit`` returned: not empty only where the vendor's own tag made the event, for that vendor.
    """

    event_id: str
    name: str
    time_ms: int
    url: str | None
    referrer: str | None
    title: str | None
    params: dict[str, Scalar]
    items: list[Item]
    value: float | None
    currency: str | None
    transaction_id: str | None
    user_agent: str
    language: str | None
    screen: str | None
    address: str | None
    country: str | None
    region: str | None
    ids: dict[str, str]
    contact: dict[str, str]
    user_id: str | None
    user_properties: dict[str, Scalar]
    signals: Signals
    explicit: bool
    hit: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class CookielessEvent:
    """An event that names no person: an allowlist, to be widened only together with the privacy officer's guide.

    ``url`` has no query but ``utm_*``; ``referrer`` is an origin; ``language`` a primary subtag; ``screen`` one of
    three buckets; ``user_agent`` rebuilt from family, major version and system; ``address`` truncated and public, and
    only where the policy says so; ``random_id`` (``<31-bit int>.<Unix s>``) was drawn for this entry alone.
    """

    name: str
    url: str | None
    referrer: str | None
    title: str | None
    params: dict[str, Scalar]
    items: list[Item]
    value: float | None
    currency: str | None
    transaction_id: str | None
    user_agent: str
    language: str | None
    screen: str | None
    address: str | None
    country: str | None
    signals: Signals
    explicit: bool
    random_id: str
