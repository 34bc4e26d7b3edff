"""Reduction: from an event as reported to what one forwarder may have of it. Pure, and the only maker of both forms.

A full event carries no raw address, no raw contact data, no other vendor's click ids and not our visitor id. A
cookieless event is an allowlist. Text that may hold personal data is redacted here, once per event; nothing that
happens here ever drops a conversion.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256

from forwarders.base import Forwarder, Trace
from proxy.attribution import Click, allowed
from proxy.clickids import CLICK_IDS
from proxy.entry import Shared
from proxy.event import CookielessEvent, Event, FullEvent, Item, Scalar, Visit
from proxy.scrub import MARK, scrub_id, scrub_text
from proxy.sensitive_keys import is_sensitive
from proxy.signals import ConsentState, Signals
from proxy.site import SitePolicy
from proxy.urls import ReducedUrl, cookieless_url, origin_of, reduce_url, scrub_value
from proxy.useragent import primary_language, rebuild, reduce_user_agent, screen_bucket

# GA4's own item fields: what a cookieless item may keep. Free item parameters are not among them.
ITEM_FIELDS = frozenset(
    "item_id item_name affiliation coupon currency discount index item_brand item_category item_category2"
    " item_category3 item_category4 item_category5 item_list_id item_list_name item_variant location_id price"
    " quantity creative_name creative_slot promotion_id promotion_name".split()
)
# Identifiers that sites push among their free parameters. They reach a vendor as click ids and cookies do, or not at all.
_NO_PARAMS = frozenset(CLICK_IDS) | {"fbp", "fbc", "_fbp", "_fbc"}
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?=[-_,;\s]|\Z)(?:[-_][A-Za-z0-9]{1,8}(?=[-_,;\s]|\Z)){0,3}")

_NONE: frozenset[str] = frozenset()
_NO_COOKIES: dict[str, str] = {}
_NOTHING_EARLIER: dict[str, tuple[str, int]] = {}
_NO_HIT: dict[str, str] = {}


@dataclass(slots=True, repr=False)
class Clean:
    """An event's own content, scrubbed once for all forwarders."""

    event: Event
    page: ReducedUrl | None
    referrer: ReducedUrl | None
    title: str | None
    params: dict[str, Scalar]
    items: list[Item]
    transaction_id: str | None
    event_id: str
    click_ids: dict[str, str]
    """Of the page, or named by it."""
    earlier: Mapping[str, Click] = field(default_factory=dict)
    """Kept of the visitor's earlier visits."""
    shared: Shared = field(default_factory=Shared)
    anonymous: CookielessEvent | None = None
    said: tuple[str, str | None] | None = None
    """User agent and language, as a full event may have them."""
    _urls: dict[frozenset[str], str | None] = field(default_factory=dict)
    _linked: str | None = None

    def reduced_urls(self, keep: frozenset[str]) -> tuple[str | None, str | None]:
        """Return page URL and referrer, of whose click ids only those in ``keep`` stay."""
        if self.referrer is not None and self._linked is None:
            self._linked = self.referrer.full(_NONE)
        if self.page is None:
            return None, self._linked
        if keep.isdisjoint(self.page.click_ids):
            keep = _NONE  # then it makes no difference whose may stay
        url = self._urls.get(keep)
        if url is None:
            url = self._urls[keep] = self.page.full(keep)
        return url, self._linked


def clean(event: Event) -> Clean:
    """Scrub what all forwarders share of an event."""
    page = reduce_url(event.url) if event.url else None
    click_ids = page.click_ids if page is not None else {}
    if event.ids:
        click_ids = {**click_ids, **event.ids}
    return Clean(
        event=event,
        page=page,
        referrer=reduce_url(event.referrer) if event.referrer else None,
        title=scrub_text(event.title) if event.title else None,
        params=_scrub_named(event.params),
        items=[_scrub_values(item) for item in event.items],
        transaction_id=scrub_id(event.transaction_id) if event.transaction_id else None,
        event_id=event.event_id if event.minted else _event_id(event.event_id),
        click_ids=click_ids,
    )


def _event_id(stated: str) -> str:
    """Return a client's id; a shop that makes e-mail addresses its event ids still dedupes by what they hash to."""
    return scrub_id(stated) or sha256(stated.encode("utf-8", "replace")).hexdigest()[:32]


def _scrub_values(values: Mapping[str, Scalar]) -> dict[str, Scalar]:
    return {
        name: scrub_value(value) if type(value) is str else value
        for key, value in values.items()
        if (name := _parameter(key)) is not None
    }


def _scrub_named(values: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Scrub free parameters; of those whose name says that they hold contact data or a key, nothing is left to see."""
    scrubbed = _scrub_values(values)
    for name in scrubbed:
        if _is_sensitive(name):
            scrubbed[name] = MARK
    return scrubbed


_is_sensitive = lru_cache(maxsize=4096)(is_sensitive)


@lru_cache(maxsize=4096)
def _parameter(name: str) -> str | None:
    """Return a free parameter's name as it may go out; None if it is an identifier's."""
    return None if name.lower() in _NO_PARAMS else scrub_text(name)


def _language(written: str | None) -> str | None:
    """Return the first tag of a language or of an Accept-Language header; a header's whole list tells people apart."""
    found = _LANGUAGE.match(written.lstrip()) if written else None
    return found[0] if found is not None else None


def _printable(header: str) -> str:
    """Return a header without what no entry could hold: bytes that are no text."""
    return header if header.isprintable() else "".join(filter(str.isprintable, header))


def _cookies(names: frozenset[str], sent: Mapping[str, str], stated: Mapping[str, str]) -> dict[str, str]:
    """Return the cookies that a forwarder declared; a backend states ``_fbp`` as ``fbp`` among its ``ids``."""
    if not sent and not stated:
        return _NO_COOKIES
    found = {name: sent[name] for name in names if name in sent} if sent else {}
    if stated:
        for name in names:
            value = stated.get(name.lstrip("_"))
            if value is not None:
                found.setdefault(name, value)
    return found


def _earlier(
    content: Clean, forwarder: Forwarder, kept: frozenset[str], signals: Signals
) -> dict[str, tuple[str, int]]:
    """Return the click ids of earlier visits that a forwarder may have, under its own rules and those of keeping them."""
    if not allowed(signals)[1]:
        return _NOTHING_EARLIER
    names = kept & forwarder.takes_earlier_click_ids
    time_ms = content.event.time_ms
    return {name: (one.value, min(one.at, time_ms)) for name, one in content.earlier.items() if name in names}


def reduce_full(
    content: Clean,
    visit: Visit,
    state: ConsentState,
    forwarder: Forwarder,
    *,
    derived: bytes,
    session_start: int | None,
    host: str,
) -> FullEvent:
    """Make what one forwarder may know of an event that was decided full for it.

    Args:
        content: the scrubbed event.
        visit: what the request carried.
        state: the visitor's consent.
        forwarder: who it is for; it says which ids, contact hashes and click ids it takes.
        derived: 16 bytes in place of the visitor id, for this forwarder alone.
        session_start: start of our own session, Unix s.
        host: the site's host.
    """
    event, signals = content.event, state.signals
    kept = forwarder.keeps_click_ids(signals)
    url, referrer = content.reduced_urls(kept)
    said = content.said
    if said is None:
        said = content.said = (_printable(visit.user_agent), _language(event.language or visit.language))
    trace = Trace(
        cookies=_cookies(forwarder.cookie_names(), visit.cookies, event.ids),
        click_ids=(
            {name: value for name, value in content.click_ids.items() if name in kept}
            if content.click_ids
            else content.click_ids
        ),
        derived=derived,
        session_start=session_start,
        session_id=event.session_id,
        time_ms=event.time_ms,
        host=host,
        client_id=event.client_id,
        earlier=_earlier(content, forwarder, kept, signals) if content.earlier else _NOTHING_EARLIER,
    )
    identified = forwarder.takes_user_id(signals)
    return FullEvent(
        event_id=content.event_id,
        name=event.name,
        time_ms=event.time_ms,
        url=url,
        referrer=referrer,
        title=content.title,
        params=content.params,
        items=content.items,
        value=event.value,
        currency=event.currency,
        transaction_id=content.transaction_id,
        user_agent=said[0],
        language=said[1],
        screen=event.screen,
        address=visit.address if forwarder.takes_address else None,
        country=visit.country,
        region=visit.region,
        ids=forwarder.identify(trace, signals),
        contact=forwarder.contact(event.user_data, signals) if event.user_data is not None else {},
        user_id=scrub_id(event.user_id) if identified and event.user_id else None,
        user_properties=_scrub_named(event.user_properties) if identified and event.user_properties else {},
        signals=signals,
        explicit=state.explicit,
        hit=_NO_HIT if event.hit is None else forwarder.keeps_hit(event.hit, signals),
    )


def reduce_cookieless(
    content: Clean,
    visit: Visit,
    state: ConsentState,
    policy: SitePolicy,
    random_id: str,
    *,
    takes_address: bool = True,
) -> CookielessEvent:
    """Make what a cookieless request may be built of.

    Args:
        content: the scrubbed event.
        visit: what the request carried.
        state: the visitor's actual consent; the vendor is told it as it is.
        policy: which optional fields the site allows.
        random_id: drawn for this entry alone, ``<31-bit int>.<Unix s>``.
        takes_address: whether the forwarder sends the truncated address at all.
    """
    event = content.event
    template = content.anonymous
    if template is None:
        template = content.anonymous = _cookieless(
            event.name,
            content.page.cookieless() if content.page is not None else None,
            content.referrer.origin
            if content.referrer is not None
            else (origin_of(event.referrer) if event.referrer else None),
            content.title,
            content.params,
            content.items,
            event.value,
            event.currency,
            content.transaction_id,
            _printable(visit.user_agent),
            event.language or visit.language,
            event.screen,
            visit.address,
            visit.country,
            state.signals,
            state.explicit,
            policy,
            "",
        )
    # One object for all entries of the event: each is written down before the next one is made.
    template.random_id = random_id
    template.address = visit.address if takes_address and policy.cookieless_address else None
    return template


def lower(event: FullEvent, signals: Signals, policy: SitePolicy, random_id: str) -> CookielessEvent:
    """Reduce a full event that may no longer go out in full, with the signals as they are now."""
    return _cookieless(
        event.name,
        cookieless_url(event.url) if event.url else None,
        origin_of(event.referrer) if event.referrer else None,
        event.title,
        event.params,
        event.items,
        event.value,
        event.currency,
        event.transaction_id,
        event.user_agent,
        event.language,
        event.screen,
        event.address,
        event.country,
        signals,
        True,  # a withdrawal is a choice
        policy,
        random_id,
    )


def _cookieless(
    name: str,
    url: str | None,
    referrer: str | None,
    title: str | None,
    params: Mapping[str, Scalar],
    items: list[Item],
    value: float | None,
    currency: str | None,
    transaction_id: str | None,
    user_agent: str,
    language: str | None,
    screen: str | None,
    address: str | None,
    country: str | None,
    signals: Signals,
    explicit: bool,
    policy: SitePolicy,
    random_id: str,
) -> CookielessEvent:
    allowed = policy.cookieless_params
    return CookielessEvent(
        name=name,
        url=url,
        referrer=referrer,
        title=title,
        params={key: params[key] for key in allowed if key in params} if allowed else {},
        items=[{key: item[key] for key in item if key in ITEM_FIELDS} for item in items],
        value=value,
        currency=currency,
        transaction_id=transaction_id if policy.cookieless_transaction_id else None,
        user_agent=rebuild(reduce_user_agent(user_agent)),
        language=primary_language(language) if language else None,
        screen=screen_bucket(screen) if screen else None,
        address=address if policy.cookieless_address else None,
        country=country,
        signals=signals,
        explicit=explicit,
        random_id=random_id,
    )
