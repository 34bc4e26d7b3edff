"""Google Analytics 4: Measurement Protocol with consent, Consent Mode pings without.

**Full** events go to the Measurement Protocol (Google: Measurement Protocol, reference), up to 25 of one client in a
request. ``consent`` is always sent; an unknown signal is sent as denied. The address never is: Google gets the country
(``user_location``), and only where that is unknown the truncated address (``ip_override``). ``device`` would win over
``user_agent`` and, holding language and screen alone, take browser and system out of the reports, so it is sent only
where there is no user agent.

An event that Google's own tag reported (``/g/collect``) goes on as the hit that it was, see ``_google_hit``; if it waited too
long for that, or the stanza says so, as any other.

**Cookieless** events cannot go there, as it has no field for ``analytics_storage`` and wants a lasting ``client_id``.
They go where Google's own tag sends them (``/g/collect``), as pings with random ids. Google does not document that
protocol; this is what its tag was seen to send. ``gtm``, the fingerprint of a build of that tag, is left out: no such
build made the ping.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated, ClassVar, Literal

from pydantic import StringConstraints

from forwarders import _ga_limits as limits
from forwarders._consent_mode import CONSENT_KEYS, consent_pairs
from forwarders._google_contact import google_contact
from forwarders._google_hit import HIT_KEYS, allowed, hit_request
from forwarders._google_ping import item_pairs, number_text, random_parts
from forwarders._gtag import client_id_in, session_in
from forwarders._measurement_protocol import CLICK_IDS, allows_click_ids, event_part, shared_part
from forwarders.auth import Auth, QueryAuth
from forwarders.base import Batch, Forwarder, Json, Request, Response, Trace, read_status
from forwarders.verdicts import Refused, Split, Verdict
from proxy.event import CookielessEvent, FullEvent, UserData
from proxy.secret import Secret
from proxy.signals import Signal, Signals, Value
from proxy.sources.iab import GOOGLE, Vendor

_GRANTED = Value.GRANTED

# Characters that items may take in a ping's query, and so about 8,000 for the whole URL.
_ITEM_ROOM = 5000


class GoogleAnalytics(Forwarder):
    """One web data stream of Google Analytics 4."""

    measurement_id: Annotated[str, StringConstraints(pattern=r"^G-[A-Z0-9]{4,}$")]
    """The stream's measurement id, ``G-...``."""
    api_secret: Secret
    """Measurement Protocol secret of that stream."""
    region: Literal["", "region1"] = ""
    """``region1`` sends everything to Google's collection servers in the EU; empty to its global ones."""
    relay: Literal["collect", "measurement_protocol"] = "collect"
    """How what Google's own tag reported goes on with consent: as the hit that it was (undocumented by Google), or as other events do."""

    title: ClassVar[str] = "Google Analytics"
    iab: ClassVar[Vendor | None] = GOOGLE
    needs: ClassVar[tuple[Signal, ...]] = (Signal.ANALYTICS_STORAGE,)
    has_cookieless: ClassVar[bool] = True
    hosts: ClassVar[frozenset[str]] = frozenset({"www.google-analytics.com", "region1.google-analytics.com"})
    full_headers: ClassVar[frozenset[str]] = frozenset({"content-type", "user-agent"})
    cookieless_keys: ClassVar[frozenset[str]] = CONSENT_KEYS | frozenset(
        "v tid _p cid sid sct seg _s en dl dr dt ul sr cu _uip ep.* epn.* pr*".split()
    )
    full_keys: ClassVar[frozenset[str]] = HIT_KEYS | frozenset(
        "measurement_id api_secret client_id user_id user_properties user_data sha256_email_address"
        " sha256_phone_number consent ad_user_data ad_personalization user_location country_id region_id ip_override"
        " device language screen_resolution user_agent events name params timestamp_micros".split()
    )
    open_keys: ClassVar[frozenset[str]] = frozenset({"params", "user_properties"})
    takes_address: ClassVar[bool] = True
    cookieless_takes_address: ClassVar[bool] = True
    takes_click_ids: ClassVar[frozenset[str]] = CLICK_IDS
    # Google takes less than 130 kB; the rest is for what events of a client share.
    batch: ClassVar[Batch] = Batch(limit=25, max_bytes=125_000)
    tag_events: ClassVar[frozenset[str]] = frozenset({"user_engagement"})

    @property
    def auth(self) -> Auth:
        """The API secret; its only place is the query."""
        return QueryAuth("api_secret", self.api_secret)

    @property
    def stream(self) -> str | None:
        """The measurement id: Google's own protocols name one stream."""
        return self.measurement_id

    @cached_property
    def _host(self) -> str:
        return f"{self.region or 'www'}.google-analytics.com"

    @cached_property
    def _session_cookie(self) -> str:
        return f"_ga_{self.measurement_id[2:]}"

    @cached_property
    def _cookies(self) -> frozenset[str]:
        return frozenset({"_ga", self._session_cookie})

    # --- reduction ------------------------------------------------------------------------------------------------

    def cookie_names(self) -> frozenset[str]:
        """Return gtag's own two cookies: its client id and its session."""
        return self._cookies

    def configured_for(self, name: str) -> bool:
        """Tell whether Google takes events of that name; it drops those that it reserves without a word."""
        return limits.good_event_name(name)

    def identify(self, trace: Trace, signals: Signals) -> dict[str, str]:
        """Return gtag's ``client_id`` and ``session_id`` where gtag has made them, else our own in their shape."""
        stated = trace.client_id or client_id_in(trace.cookies.get("_ga", ""))
        ids = {"client_id": stated or _client_id(trace.derived)}
        session = session_in(trace.session_id) or session_in(trace.cookies.get(self._session_cookie))
        if session is None and trace.session_start is not None:
            session = str(trace.session_start)
        if session is not None:
            ids["session_id"] = session
        return ids

    def dated(self, ids: dict[str, str], taken_ms: int, latest_ms: int) -> dict[str, str]:
        """Let no session begin in the future: its id is the second in which it began."""
        session = ids.get("session_id", "")
        late = session.isdecimal() and latest_ms // 1000 < int(session) <= taken_ms // 1000
        return {**ids, "session_id": str(latest_ms // 1000)} if late else ids

    def keeps_click_ids(self, signals: Signals) -> frozenset[str]:
        """Return Google's click ids if the ad signals allow them, else none."""
        return CLICK_IDS if allows_click_ids(signals) else frozenset()

    def contact(self, user_data: UserData, signals: Signals) -> dict[str, str]:
        """Return Google's hashes if ``ad_user_data`` is granted."""
        return google_contact(user_data) if signals.ad_user_data is _GRANTED else {}

    def keeps_hit(self, hit: Mapping[str, str], signals: Signals) -> dict[str, str]:
        """Return a hit's parameters as far as the signals allow them; nothing where it is not to go on as a hit.

        On legitimate interest alone it goes by the Measurement Protocol: a hit would have to call the storage denied.
        """
        if not hit or self.relay != "collect" or signals.analytics_storage is not _GRANTED:
            return {}
        return allowed(hit, signals)

    def takes_user_id(self, signals: Signals) -> bool:
        """Tell whether the site's own ``user_id`` may go: only if all four signals are granted."""
        return signals.all_granted()

    def identified(self, event: FullEvent) -> bool:
        """Tell whether there is a client id, without which Google drops everything."""
        return "client_id" in event.ids

    # --- full -----------------------------------------------------------------------------------------------------

    def problem(self, event: FullEvent) -> str | None:
        """Return why the Measurement Protocol would not take an event that only Google's tag may report."""
        if event.name in self.tag_events and not self.keeps_hit(event.hit, event.signals):
            return "this event is taken from Google's own tag alone"
        return None

    def batch_key(self, event: FullEvent) -> str:
        """Return all that stands once in a request, outside its events; a hit is a request of its own."""
        return "\x1f".join(
            (
                f"hit {event.event_id}" if event.hit else "",
                event.ids.get("client_id", ""),
                event.signals.code(),
                event.user_agent or f"{event.language}\x1f{event.screen}",
                f"{event.country}\x1f{event.region}" if event.country else event.address or "",
                event.user_id or "",
                repr(event.user_properties) if event.user_properties else "",
                repr(event.contact) if event.contact else "",
            )
        )

    def recognises(self, event: FullEvent | CookielessEvent) -> bool:
        """Tell whether it is a purchase with its ``transaction_id``: Google takes no other event for one that it has."""
        return isinstance(event, FullEvent) and event.name == "purchase" and bool(event.transaction_id)

    def full(self, events: Sequence[FullEvent]) -> Request:
        """Map events of one client, or one hit. What the signals no longer allow is left out, whatever the entry holds."""
        first = events[0]
        if len(events) == 1 and (hit := self.keeps_hit(first.hit, first.signals)):
            return hit_request(first, hit, self.measurement_id, self._host)
        if not self.tag_events.isdisjoint(event.name for event in events):
            raise ValueError("the Measurement Protocol takes no such event")
        return Request(
            "POST",
            f"https://{self._host}/mp/collect",
            query=[("measurement_id", self.measurement_id)],
            body={**shared_part(first), "events": [event_part(event) for event in events]},
        )

    def read(self, response: Response, count: int) -> Verdict:
        """Read the status: Google says nothing more. A refused batch is halved, as one event may be the cause."""
        verdict = read_status(response)
        if count > 1 and isinstance(verdict, Refused):
            return Split(verdict.words)
        return verdict

    # --- cookieless -----------------------------------------------------------------------------------------------

    def cookieless(self, event: CookielessEvent) -> Request:
        """Map to a Consent Mode ping: the page-load id, client id and session are the random id of this one entry."""
        page_load, second = random_parts(event.random_id)
        query = [
            ("v", "2"),
            ("tid", self.measurement_id),
            ("_p", page_load),
            *consent_pairs(event.signals, explicit=event.explicit, country=event.country),
            ("cid", event.random_id),
            ("sid", second),
            ("sct", "1"),
            ("seg", "0"),
            ("_s", "1"),
            ("en", event.name),
        ]
        for key, value, longest in (
            ("dl", event.url, limits.MAX_URL),
            ("dr", event.referrer, limits.MAX_REFERRER),
            ("dt", event.title, limits.MAX_TITLE),
            ("ul", event.language and event.language.lower(), 35),
            ("sr", event.screen, 11),
            ("cu", event.currency, 3),
            ("_uip", event.address, 45),
        ):
            if value:
                query.append((key, value[:longest]))
        query += _ping_params(event)
        query += item_pairs(event.items[: limits.MAX_ITEMS], max_text=limits.MAX_TEXT, room=_ITEM_ROOM)
        return Request(
            "GET",
            f"https://{self._host}/g/collect",
            query=query,
            headers={"User-Agent": event.user_agent} if event.user_agent else {},
        )


# --- ids ------------------------------------------------------------------------------------------------------------


def _client_id(derived: bytes) -> str:
    """Shape 16 bytes as a client id: a positive 31-bit integer, and a second of the years 2020 to 2023.

    Google reads the second part as the time of the first visit, which must not lie ahead.
    """
    number = int.from_bytes(derived[:4], "big") % 0x7FFFFFFF + 1
    second = 1_600_000_000 + int.from_bytes(derived[4:12], "big") % 100_000_000
    return f"{number}.{second}"


# --- pings ----------------------------------------------------------------------------------------------------------


def _ping_params(event: CookielessEvent) -> list[tuple[str, str]]:
    params: dict[str, Json] = {}
    if event.value is not None:
        params["value"] = event.value
    if event.transaction_id:
        params["transaction_id"] = event.transaction_id[: limits.MAX_TEXT]
    if event.params:
        limits.add_params(params, event.params)
    pairs = []
    for name, value in params.items():
        if isinstance(value, bool):
            pairs.append((f"ep.{name}", "true" if value else "false"))
        elif isinstance(value, str):
            pairs.append((f"ep.{name}", value))
        else:
            pairs.append((f"epn.{name}", number_text(value)))
    return pairs
