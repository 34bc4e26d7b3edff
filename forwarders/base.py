"""What a forwarder is: settings, two mappings, the reading of an answer, and what it declares.

A forwarder knows neither network nor store nor clock. Delivery gives it events and gets a ``Request``; delivery sends
that and gives back a ``Response``; the forwarder says what it means as one ``Verdict``. How to authenticate, how to
batch, what to ask later: declared here, done there.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict

from forwarders.auth import Auth, NoAuth
from forwarders.verdicts import Delivered, FollowUpVerdict, LateAnswer, Pause, Refused, Retry, Verdict
from proxy.event import CookielessEvent, FullEvent, UserData
from proxy.signals import AD_SIGNALS, Signal, Signals
from proxy.sources.iab import Vendor

Json = Any  # JSON as orjson takes it; each forwarder's test table says which


# --- what delivery is given ------------------------------------------------------------------------------------


@dataclass(slots=True, repr=False)
class Request:
    """One request to a vendor. ``url`` is https; its parts never reach a log, as they may hold ids.

    ``body`` is a JSON value (sent as ``application/json``) or None; ``text`` is sent as ``text/plain`` in its place: lines
    of name-value pairs, encoded as in a query. Authentication is added by delivery where ``authenticated``.
    """

    method: Literal["GET", "POST"]
    url: str
    query: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    body: Json | None = None
    text: str | None = None
    authenticated: bool = True


@dataclass(frozen=True, slots=True, repr=False)
class Response:
    """A vendor's answer. ``headers`` have lower-case names; ``json`` is None where the body is not JSON."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    json: Json | None


@dataclass(frozen=True, slots=True)
class Batch:
    """How many full events go into one request (``limit``), within how many bytes of JSON (``max_bytes``)."""

    limit: int = 1
    max_bytes: int = 1_000_000


@dataclass(slots=True)  # not frozen: one is made per event and forwarder, and that would triple what it costs
class Trace:
    """What identifies the visitor of a consented event, offered to one forwarder at reduction.

    ``cookies`` and ``click_ids`` hold only what the forwarder declared. ``derived`` is 16 bytes, a keyed derivative of
    our visitor id for this forwarder alone. ``session_start`` is Unix seconds of our own 30-minute session, or None.
    ``client_id`` is Google's, where a backend or Google's own tag stated it. ``earlier`` holds click ids of the visitor's
    earlier visits, each with the time of its visit (Unix ms), of those that the forwarder declared in
    ``takes_earlier_click_ids``: they count less than anything that came with the event itself.
    """

    cookies: Mapping[str, str]
    click_ids: Mapping[str, str]
    derived: bytes
    session_start: int | None
    session_id: str | None
    time_ms: int
    host: str
    client_id: str | None = None
    earlier: Mapping[str, tuple[str, int]] = field(default_factory=dict)


# --- the forwarder ----------------------------------------------------------------------------------------------


class Forwarder(BaseModel):
    """One account at one vendor. Subclass fields are the keys of its config stanza.

    A subclass lives alone in its module, and is found by the stanza's name (or its ``type``).
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )

    otherwise: Literal["cookieless", "drop"] | None = None
    """What happens without the needed consent; absent: the preset's."""
    events: list[str] | None = None
    """``["*"]``, event names, or ``["conversions"]``; absent: the preset's."""

    title: ClassVar[str]
    """The vendor's name for people."""
    needs: ClassVar[tuple[Signal, ...]] = AD_SIGNALS
    """Signals that a full event needs where the preset does not say (modules from outside)."""
    iab: ClassVar[Vendor | None] = None
    """By which ids IAB consent strings name the vendor; None: it is none of theirs, and the site's own word counts."""
    has_cookieless: ClassVar[bool] = False
    hosts: ClassVar[frozenset[str]] = frozenset()
    """The only hosts that a request of this forwarder may go to."""
    full_headers: ClassVar[frozenset[str]] = frozenset({"content-type", "user-agent"})
    cookieless_headers: ClassVar[frozenset[str]] = frozenset({"user-agent"})
    cookieless_keys: ClassVar[frozenset[str]] = frozenset()
    """Query parameters and body keys (at any depth) of a cookieless request; ``name*`` allows a prefix."""
    full_keys: ClassVar[frozenset[str]] = frozenset()
    """Keys that a full request's body may have at any depth but below ``open_keys``; query keys likewise."""
    open_keys: ClassVar[frozenset[str]] = frozenset()
    """Objects in a full request's body whose keys are the site's own (free parameters)."""
    takes_address: ClassVar[bool] = False
    """Whether a full event may carry the truncated address."""
    cookieless_takes_address: ClassVar[bool] = False
    """Whether a cookieless event may carry the truncated address, where the policy lets it."""
    takes_click_ids: ClassVar[frozenset[str]] = frozenset()
    """Click ids (query parameter names) that this vendor issued: offered to ``identify``, left in its URLs."""
    takes_earlier_click_ids: ClassVar[frozenset[str]] = frozenset()
    """Those of them that ``identify`` can use of an earlier visit. Only what some forwarder of a site names is kept."""
    full_max_age_s: ClassVar[int] = 72 * 3600
    """The oldest event, in seconds, that the vendor takes."""
    batch: ClassVar[Batch] = Batch()
    tag_events: ClassVar[frozenset[str]] = frozenset()
    """Events that only the vendor's own tag reports: taken from its hits alone, and given to nobody else."""
    hit_max_age_s: ClassVar[int] = 900
    """How old an event may be, in seconds, to go as a hit of the vendor's own tag: hits carry no time."""

    @classmethod
    def build(cls, stanza: Mapping[str, object]) -> Self:
        """Make a forwarder of a config stanza.

        Raises:
            pydantic.ValidationError: with every problem of the stanza.
        """
        return cls.model_validate(stanza)

    @property
    def auth(self) -> Auth:
        """How full requests (and follow-ups) authenticate."""
        return NoAuth()

    @property
    def stream(self) -> str | None:
        """The name by which an event may be meant for this account alone; None: there are no such names."""
        return None

    @property
    def cookieless_auth(self) -> Auth:
        """How cookieless requests authenticate: not at all, where not overridden."""
        return NoAuth()

    def cookie_names(self) -> frozenset[str]:
        """Names of the vendor's cookies that may be read for a full event."""
        return frozenset()

    def configured_for(self, name: str) -> bool:
        """Tell whether this account has what it needs for events of that name."""
        return True

    def cookieless_configured(self, name: str) -> bool:
        """Tell whether this account has what a cookieless request for events of that name needs."""
        return self.has_cookieless

    def identify(self, trace: Trace, signals: Signals) -> dict[str, str]:
        """Return what a full event's ``ids`` are to hold, and nothing that ``signals`` does not allow."""
        return {}

    def keeps_click_ids(self, signals: Signals) -> frozenset[str]:
        """Return the click ids that may stay in this vendor's URLs."""
        return self.takes_click_ids

    def contact(self, user_data: UserData, signals: Signals) -> dict[str, str]:
        """Return contact data as this vendor's own hashes, and nothing that ``signals`` does not allow."""
        return {}

    def keeps_hit(self, hit: Mapping[str, str], signals: Signals) -> dict[str, str]:
        """Return what of a hit of the vendor's own tag may go on, and nothing that ``signals`` does not allow.

        Args:
            hit: its parameters by their short names, as ``proxy.hits`` keeps them; never empty.
            signals: the visitor's consent.

        Returns:
            Empty where the event is to be sent as any other.
        """
        return {}

    def takes_user_id(self, signals: Signals) -> bool:
        """Tell whether the site's own ``user_id`` and user properties may go to this vendor."""
        return False

    def identified(self, event: FullEvent) -> bool:
        """Tell whether the vendor would take this full event at all: it refuses those that identify nobody."""
        return True

    def problem(self, event: FullEvent) -> str | None:
        """Return why the vendor would surely refuse this event, or None. It is then not sent at all, but rejected."""
        return None

    def dated(self, ids: dict[str, str], taken_ms: int, latest_ms: int) -> dict[str, str]:
        """Return a full event's ``ids``, of which none tells a time that has not come yet; the same if none did.

        Args:
            ids: as ``identify`` returned them.
            taken_ms: when the event was taken in, by a clock that was ahead, Unix ms. What an id tells that is later than
                that is a browser's own word, and stays.
            latest_ms: the latest that it is now, Unix ms; less than ``taken_ms``.
        """
        return ids

    def recognises(self, event: FullEvent | CookielessEvent) -> bool:
        """Tell whether the vendor, by a key of its own, takes an event that it gets again for the one that it has."""
        return False

    def batch_key(self, event: FullEvent) -> str:
        """Return what events must agree on to share a request."""
        return ""

    @abstractmethod
    def full(self, events: Sequence[FullEvent]) -> Request:
        """Map one batch (at most ``batch.limit`` events of one ``batch_key``) to a request.

        Consent may have been narrowed since the events were stored: what ``event.signals`` does not allow must be left
        out here, whatever the entry holds.
        """

    def cookieless(self, event: CookielessEvent) -> Request:
        """Map one cookieless event to a request. Only called where ``has_cookieless``."""
        raise TypeError(f"{self.title} has no cookieless mode")

    def read(self, response: Response, count: int) -> Verdict:
        """Say what the answer to a batch of ``count`` full events means. By status code, where not overridden."""
        return read_status(response)

    def read_cookieless(self, response: Response) -> Verdict:
        """Say what the answer to a cookieless request means. By status code, where not overridden."""
        return read_status(response)

    def follow_up(self, reference: str) -> Request:
        """Map a ``Delivered.follow_up`` to the request that asks about it."""
        raise TypeError(f"{self.title} has nothing to ask later")

    def read_follow_up(self, response: Response, attempt: int) -> FollowUpVerdict:
        """Say what the answer to a follow-up means. ``attempt`` counts from 1."""
        return LateAnswer({})

    # How long after a delivery the first follow-up is asked, in seconds.
    follow_up_after_s: ClassVar[float] = 1800.0


def retry_after(response: Response) -> float | None:
    """Return ``Retry-After`` in seconds where it is given as a number; HTTP dates are left to delivery's backoff."""
    raw = response.headers.get("retry-after", "").strip()
    return float(min(int(raw), 86_400)) if raw.isascii() and raw.isdigit() and len(raw) < 12 else None


def read_status(response: Response) -> Verdict:
    """Read an answer by its status alone, as any HTTP vendor would be read."""
    status = response.status
    if 200 <= status < 300:
        return Delivered()
    if status in {401, 403}:
        return Pause(f"HTTP {status}")
    if status in {408, 425, 429} or status >= 500:
        return Retry(f"HTTP {status}", retry_after(response))
    return Refused(f"HTTP {status}")
