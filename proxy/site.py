"""A site as the gateway and delivery use it: its configuration, compiled once per process."""

import hmac
from dataclasses import dataclass
from hashlib import sha256

from forwarders.base import Forwarder
from proxy.clickids import CLICK_IDS
from proxy.event import Event
from proxy.policy import Decided, Rule, decide
from proxy.reasons import Decision, Reason
from proxy.signals import ConsentState
from proxy.sources.cmp import Names

NOT_CONFIGURED = Decided(Decision.DROP, Reason.NOT_CONFIGURED)
_MOST_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class SitePolicy:
    """A site's policy, beyond the rules of its forwarders. ``version`` names its exact content."""

    preset: str
    version: str
    interest: bool
    consent_max_age_ms: int
    cookieless_address: bool
    cookieless_transaction_id: bool
    cookieless_params: frozenset[str]
    cookieless_max_age_s: int
    dnt: bool = False
    hold_ms: int = 0
    record_keep_s: int = 0
    """How long a visitor's history of decisions is kept after its last; 0: as long as the record."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a visitor is told before deciding, and by whom: what a consent record must name. Empty: not stated."""

    controller: str = ""
    contact: str = ""
    dpo: str = ""
    authority: str = ""
    jurisdiction: str = ""
    language: str = ""
    version: str = ""
    url: str = ""
    withdrawal_url: str = ""
    storage: tuple[str, ...] = ()
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class LoaderPlan:
    """How a site serves the loader: under which name below its ``base_path``, and what is in the script."""

    name: str = "sayso.js"
    parts: tuple[str, ...] = ("core", "cmp", "auto", "segment")
    collect: str = "collect"
    consent: str = "consent"
    """The routes that the script uses; where they are not the usual ones, they are there beside those."""

    @property
    def stem(self) -> str:
        """The script's name without ``.js``."""
        return self.name.removesuffix(".js")


@dataclass(frozen=True, slots=True)
class Link:
    """One forwarder of one site. ``name`` is its stanza's, ``module`` the vendor's; ``events`` None means all."""

    name: str
    module: str
    forwarder: Forwarder
    rule: Rule
    events: frozenset[str] | None

    def wants(self, event_name: str) -> bool:
        """Tell whether events of that name are set up for this forwarder at all."""
        return (self.events is None or event_name in self.events) and self.forwarder.configured_for(
            event_name
        )


@dataclass(frozen=True, slots=True)
class VisitorCookie:
    """The id cookie: its name and lives, in seconds, on legitimate interest and on consent."""

    name: str
    max_age_s: int
    consented_max_age_s: int

    @property
    def longest_s(self) -> int:
        """The longest life that such a cookie can have."""
        return max(self.max_age_s, self.consented_max_age_s)

    def left_s(self, created: int, now_s: int, *, consented: bool) -> int:
        """Return how long an id may still live: counted from its creation (Unix s), never extended."""
        life = self.consented_max_age_s if consented else self.max_age_s
        return max(created + life - now_s, 0)


@dataclass(frozen=True)
class Site:
    """One website: hosts, origins, policy, forwarders. ``base_path`` starts and ends with a slash."""

    name: str
    hosts: tuple[str, ...]
    base_path: str
    origins: frozenset[str]
    conversions: frozenset[str]
    ingest_keys: tuple[bytes, ...]
    """SHA-256 of each key."""
    cookie: VisitorCookie
    policy: SitePolicy
    links: tuple[Link, ...]
    cmp: str = "none"
    cmp_names: Names | None = None
    """What the site calls its categories in its banner, where those are names of its own."""
    notice: Notice = Notice()
    loader: LoaderPlan | None = None
    """None: the site serves no loader."""
    attribution_ms: int = 0
    """How long it is kept what brought a visitor; 0: it is not."""

    def __post_init__(self) -> None:
        """Prepare the caches that belong to the site."""
        wanted = frozenset[str]().union(*(link.forwarder.cookie_names() for link in self.links))
        object.__setattr__(self, "cookie_names", wanted)
        streams = (link.forwarder.stream for link in self.links)
        object.__setattr__(self, "streams", tuple(dict.fromkeys(one for one in streams if one is not None)))
        earlier = frozenset[str]().union(*(link.forwarder.takes_earlier_click_ids for link in self.links))
        object.__setattr__(self, "earlier_click_ids", earlier & CLICK_IDS.keys())
        object.__setattr__(self, "_remembered", {})

    cookie_names: frozenset[str] = frozenset()
    """Vendor cookies that some forwarder of the site may read."""
    streams: tuple[str, ...] = ()
    """The data streams of Google Analytics that the site sends to, each once, in the order of ``links``."""
    earlier_click_ids: frozenset[str] = frozenset()
    """Click ids of an earlier visit that some forwarder of the site can use."""

    def has_key(self, presented: str) -> bool:
        """Tell, in constant time for each key, whether this is one of the site's ingest keys."""
        digest = sha256(presented.encode("utf-8", "surrogatepass")).digest()
        return any(hmac.compare_digest(digest, key) for key in self.ingest_keys)

    def is_echo(self, event: Event) -> bool:
        """Tell whether Google's tag reports an event once more, for a further data stream than the site's first."""
        return event.hit is not None and event.stream != self.streams[0]

    def of_stream(self, decided: Decided, link: Link, event: Event, state: ConsentState) -> Decided:
        """Return what becomes of a forwarder's decision on an event that is meant for one data stream.

        Other streams do not get it. A page with several streams has Google's tag report each event once for each, so of
        such hits only those of the first stream go to other vendors; and what that tag reports of itself goes to none.
        """
        own, name = link.forwarder.stream, event.name
        if own is not None and own != event.stream:
            return NOT_CONFIGURED
        if event.hit is None:
            return decided
        if own is None:
            of_the_tag = any(name in one.forwarder.tag_events for one in self.links)
            return NOT_CONFIGURED if of_the_tag or self.is_echo(event) else decided
        forwarder = link.forwarder
        if name in forwarder.tag_events and (link.events is None or name in link.events):
            decided = decide(link.rule, state)
            if decided.decision is Decision.FULL and not forwarder.keeps_hit(event.hit, state.signals):
                return NOT_CONFIGURED
        return decided

    def decide(self, event_name: str, state: ConsentState) -> tuple[Decided, ...]:
        """Decide for every forwarder on consent and configuration, in the order of ``links``.

        The answer depends on the event's name and on why each signal is what it is, so it is remembered by those.
        """
        remembered: dict[object, tuple[Decided, ...]] = self._remembered  # type: ignore[attr-defined]  # set above
        key = (event_name, state.why, state.gpc, state.garbled)
        found = remembered.get(key)
        if found is None:
            found = tuple(
                decide(link.rule, state) if link.wants(event_name) else NOT_CONFIGURED for link in self.links
            )
            if len(remembered) >= _MOST_REMEMBERED:  # names are the stranger's to choose
                remembered.clear()
            remembered[key] = found
        return found
