"""The body of a Measurement Protocol request: what stands in it once, and its events. Pure.

What an event's signals do not allow is left out here whatever the entry holds: consent may have been lowered since.
"""

import re

from forwarders import _ga_limits as limits
from forwarders.base import Json
from proxy.event import FullEvent
from proxy.signals import Signals, Value

_GRANTED = Value.GRANTED
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*")

CLICK_IDS = frozenset({"gclid", "gbraid", "wbraid", "dclid", "gclsrc", "gad_source", "gad_campaignid"})
"""Query parameters that Google's ad clicks leave in a URL."""
_IN_URL = re.compile(rf"(?<=[?&])(?:{'|'.join(sorted(CLICK_IDS))})=[^&#]*&?")
_LONGEST_ENGAGEMENT_MS = 86_400_000


def allows_click_ids(signals: Signals) -> bool:
    """Tell whether Google Analytics may have click ids."""
    return signals.ad_storage is _GRANTED and signals.ad_user_data is _GRANTED


def shared_part(event: FullEvent) -> dict[str, Json]:
    """Return what stands outside the events of a request."""
    signals = event.signals
    shares = signals.ad_user_data is _GRANTED
    body: dict[str, Json] = {
        "client_id": event.ids["client_id"],
        "consent": {
            "ad_user_data": "GRANTED" if shares else "DENIED",
            "ad_personalization": "GRANTED" if signals.ad_personalization is _GRANTED else "DENIED",
        },
    }
    if event.country:
        body["user_location"] = {"country_id": event.country}
        if event.region:
            region = event.region
            body["user_location"]["region_id"] = region if "-" in region else f"{event.country}-{region}"
    elif event.address:
        body["ip_override"] = event.address
    if event.user_agent:
        body["user_agent"] = event.user_agent
    elif device := _device(event):
        body["device"] = device
    if event.contact and shares:
        body["user_data"] = {
            name: [event.contact[kind]]
            for kind, name in (("email", "sha256_email_address"), ("phone", "sha256_phone_number"))
            if kind in event.contact
        }
    if (event.user_id or event.user_properties) and signals.all_granted():
        if event.user_id:
            body["user_id"] = event.user_id[:256]
        if event.user_properties:
            body["user_properties"] = limits.good_properties(event.user_properties)
    return body


def _device(event: FullEvent) -> dict[str, str]:
    device = {}
    if event.language and _LANGUAGE.fullmatch(event.language):
        device["language"] = event.language
    if event.screen:
        device["screen_resolution"] = event.screen
    return device


def event_part(event: FullEvent) -> dict[str, Json]:
    """Return one event of a request."""
    params: dict[str, Json] = {}
    if "session_id" in event.ids:
        params["session_id"] = event.ids["session_id"]
    engaged = event.params.get("engagement_time_msec")
    # Without a time of at least 1 ms the event would miss Realtime and not count as engagement.
    params["engagement_time_msec"] = (
        int(min(engaged, _LONGEST_ENGAGEMENT_MS)) if isinstance(engaged, (int, float)) and engaged >= 1 else 1
    )
    keep = allows_click_ids(event.signals)
    if event.url:
        params["page_location"] = page_url(event.url, keep_click_ids=keep)[: limits.MAX_URL]
    if event.referrer:
        params["page_referrer"] = page_url(event.referrer, keep_click_ids=keep)[: limits.MAX_REFERRER]
    if event.title:
        params["page_title"] = event.title[: limits.MAX_TITLE]
    if event.currency:
        params["currency"] = event.currency
    if event.value is not None:
        params["value"] = event.value
    # All purchases with an empty id would count as one.
    if event.transaction_id:
        params["transaction_id"] = event.transaction_id[: limits.MAX_TEXT]
    if event.items and (items := limits.good_items(event.items)):
        params["items"] = items
    if event.params:
        limits.add_params(params, event.params)
    return {"name": event.name, "timestamp_micros": event.time_ms * 1000, "params": params}


def page_url(url: str, *, keep_click_ids: bool) -> str:
    """Return a URL of a full entry. Consent may have been lowered since its click ids were left in it."""
    if keep_click_ids or "?" not in url:
        return url
    return _IN_URL.sub("", url).rstrip("?&")
