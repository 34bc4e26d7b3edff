"""What an event's page tells of the visit is kept where consent allows it, and a conversion is credited to what is kept."""

from collections.abc import Mapping

from proxy.attribution import (
    NO_CREDIT,
    NOTHING_KEPT,
    Click,
    Credit,
    Kept,
    News,
    allowed,
    clicks_in,
    lasting,
    new_clicks,
    with_clicks,
)
from proxy.campaign import MOST, Campaign, bare_host, campaign_in, tells
from proxy.consent import Record
from proxy.event import Event
from proxy.signals import ConsentState
from proxy.store.consents import Consents
from proxy.subject import Arrival, Subject

_STATISTICS = (0,)
_CLICKS = (1, 2)


def wants_kept(arrival: Arrival, event: Event) -> bool:
    """Tell whether an event needs what brought its visitor, or may have something to add to it."""
    site = arrival.site
    return site.attribution_ms > 0 and (event.name in site.conversions or _tells(event, arrival.host))


async def credited(
    consents: Consents, arrival: Arrival, event: Event, subject: Subject, state: ConsentState
) -> Credit:
    """Keep what is new of where a visitor came from; say what the event, if it is a conversion, is credited to.

    Without consent, or where nothing is kept, that is what the event's own page says.

    Raises:
        StoreUnavailableError: what is new is not stored.
    """
    site = arrival.site
    converts = event.name in site.conversions
    may_touch, may_click = allowed(state.signals)
    keeps = subject.visitor is not None and site.attribution_ms > 0 and (may_touch or may_click)
    tells_something = (converts or keeps) and _tells(event, arrival.host)
    if not (converts or tells_something):
        return NO_CREDIT
    own = campaign_in(event.url, event.referrer, arrival.host) if tells_something else None
    if not keeps:
        return Credit(own)
    kept = lasting(subject.kept, arrival.now_ms, site.attribution_ms)
    if tells_something:
        kept = await _with_news(
            consents, arrival, event, subject, kept, own if may_touch else None, may_click
        )
    if not converts:
        return NO_CREDIT
    return Credit(
        (kept.touch if may_touch else None) or own,
        kept.clicks if may_click else NOTHING_KEPT.clicks,
    )


async def _with_news(
    consents: Consents,
    arrival: Arrival,
    event: Event,
    subject: Subject,
    kept: Kept,
    own: Campaign | None,
    may_click: bool,
) -> Kept:
    """Store what a page tells beyond what is kept, and return what is kept then."""
    site, record = arrival.site, subject.found.record
    if not isinstance(record, Record) or record.tombstone or subject.visitor is None:
        return kept
    may = allowed(record.signals)
    at = min(event.time_ms, arrival.now_ms)
    clicks: Mapping[str, Click] = {}
    if may_click and may[1]:
        clicks = new_clicks(kept.clicks, clicks_in(event.url, event.ids, site.earlier_click_ids), at)
    touch = own if may[0] and kept.touch is None else None
    touch_life = _life_ms(arrival, subject, record, at, _STATISTICS) if touch is not None else 0
    clicks_life = _life_ms(arrival, subject, record, at, _CLICKS) if clicks else 0
    if touch_life <= 0:
        touch = None
    if clicks_life <= 0:
        clicks = {}
    if touch is None and not clicks:
        return kept
    oldest = arrival.now_ms - site.attribution_ms
    host = bare_host(arrival.host)[:MOST]
    news = News(oldest, at, touch, host, touch_life, clicks, clicks_life)
    await consents.keep(site.name, subject.visitor.id, news)
    merged = with_clicks(kept.clicks, clicks) if clicks else kept.clicks
    if touch is not None:
        kept = Kept(touch, at, host, merged)
    else:
        kept = Kept(kept.touch, kept.touched_at, kept.host, merged)
    subject.kept = kept
    return kept


def _life_ms(arrival: Arrival, subject: Subject, record: Record, at: int, positions: tuple[int, ...]) -> int:
    """Return for how long something of a visit may be kept from now: no longer than the id, nor than the consent."""
    site, visitor = arrival.site, subject.visitor
    ends = at + site.attribution_ms
    for position in positions:
        ends = min(ends, (record.times[position] or record.decided_at) + site.policy.consent_max_age_ms)
    if visitor is not None and visitor.created:
        ends = min(ends, (visitor.created + site.cookie.consented_max_age_s) * 1000)
    return ends - arrival.now_ms


def _tells(event: Event, host: str) -> bool:
    return bool(event.ids) or tells(event.url, event.referrer, host)
