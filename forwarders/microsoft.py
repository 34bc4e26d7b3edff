"""Microsoft Advertising, UET Conversions API. Cookieless only where a site asks for it: such events are stored unused.

Vendor rules: Microsoft Advertising, UET Conversion API integration guide.
"""

import re
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from forwarders import _contact
from forwarders._consent import may_advertise
from forwarders._fields import articles, web_url
from forwarders._words import is_page, vendor_words
from forwarders.auth import Auth, BearerAuth
from forwarders.base import Batch, Forwarder, Json, Request, Response, Trace, retry_after
from forwarders.verdicts import Delivered, Pause, Refused, Resend, Retry, Split, Verdict
from proxy.event import CookielessEvent, FullEvent, UserData
from proxy.secret import Secret
from proxy.signals import Signal, Signals
from proxy.sources.iab import MICROSOFT, Vendor

# GA4's names and the kinds of page that Microsoft's remarketing knows.
_PAGE_TYPES = {
    "view_item": "product",
    "view_item_list": "category",
    "search": "searchresults",
    "view_search_results": "searchresults",
    "add_to_cart": "cart",
    "view_cart": "cart",
    "begin_checkout": "cart",
    "purchase": "purchase",
}
# Free parameters that Microsoft has a place for.
_TEXTS = (("event_category", "eventCategory"), ("event_label", "eventLabel"), ("search_term", "searchTerm"))

# Before consent UET's cookies may hold placeholders such as "null|…".
_VISITOR = re.compile(r"[0-9a-f]{32}")
_CLICK_ID = re.compile(r"[0-9A-Za-z_-]{16,64}")
_IN_DATA = re.compile(r"data\[(\d{1,4})\]")

_CUSTOM_DATA_KEYS = (
    "customData eventCategory eventLabel searchTerm transactionId value currency pageType ecommTotalValue items id name"
    " price quantity itemIds"
)
_EVENT_KEYS = (
    "data continueOnValidationError dataProvider eventType eventName eventId eventTime eventSourceUrl referrerUrl"
    " pageTitle adStorageConsent userData clientUserAgent anonymousId"
)


class Microsoft(Forwarder):
    """Sends consented events to one UET tag. The Conversions API has to be enabled for the account by Microsoft."""

    tag_id: str = Field(pattern=r"^\d{1,32}$")
    """The UET tag's number."""
    api_token: Secret
    """The token of that tag, as the tag's "Use Conversions API" shows it."""

    title: ClassVar[str] = "Microsoft Advertising"
    iab: ClassVar[Vendor | None] = MICROSOFT
    has_cookieless: ClassVar[bool] = True
    hosts: ClassVar[frozenset[str]] = frozenset({"capi.uet.microsoft.com"})
    full_headers: ClassVar[frozenset[str]] = frozenset({"content-type"})
    cookieless_headers: ClassVar[frozenset[str]] = frozenset({"content-type"})
    full_keys: ClassVar[frozenset[str]] = frozenset(
        f"{_EVENT_KEYS} {_CUSTOM_DATA_KEYS} em ph msclkid".split()
    )
    cookieless_keys: ClassVar[frozenset[str]] = frozenset(f"{_EVENT_KEYS} {_CUSTOM_DATA_KEYS}".split())
    takes_click_ids: ClassVar[frozenset[str]] = frozenset({"msclkid"})
    takes_earlier_click_ids: ClassVar[frozenset[str]] = takes_click_ids
    batch: ClassVar[Batch] = Batch(limit=1000)

    @property
    def auth(self) -> Auth:
        """The tag's own token."""
        return BearerAuth(self.api_token)

    @property
    def cookieless_auth(self) -> Auth:
        """The same token: it names the site, not the visitor."""
        return BearerAuth(self.api_token)

    def cookie_names(self) -> frozenset[str]:
        """Return UET's cookies of the visitor and of the click."""
        return frozenset({"_uetvid", "_uetmsclkid"})

    def keeps_click_ids(self, signals: Signals) -> frozenset[str]:
        """Return ``msclkid``, with all ad signals."""
        return self.takes_click_ids if may_advertise(signals) else frozenset()

    def identify(self, trace: Trace, signals: Signals) -> dict[str, str]:
        """Return ``anonymousId`` (UET's own, else ours for Microsoft) and ``msclkid``, if there was a click."""
        if not may_advertise(signals):
            return {}
        visitor = trace.cookies.get("_uetvid", "")
        ids = {"anonymousId": visitor if _VISITOR.fullmatch(visitor) else trace.derived.hex()}
        # The newest click wins: the address tells of it before the cookie does.
        stored = trace.cookies.get("_uetmsclkid", "").removeprefix("_uet")
        earlier, _ = trace.earlier.get("msclkid", ("", 0))
        for click_id in (trace.click_ids.get("msclkid", ""), stored, earlier):
            if _CLICK_ID.fullmatch(click_id):
                ids["msclkid"] = click_id
                break
        return ids

    def contact(self, user_data: UserData, signals: Signals) -> dict[str, str]:
        """Return Microsoft's hashes of e-mail and phone.

        What a site has hashed already is left out: nobody else's hash follows Microsoft's rule for either.
        """
        if not may_advertise(signals):
            return {}
        found = {"em": _email(user_data.email), "ph": _contact.e164(user_data.phone)}
        return {key: _contact.sha256_hex(text) for key, text in found.items() if text}

    def identified(self, event: FullEvent) -> bool:
        """Tell whether there is an id at all: Microsoft refuses events without."""
        return bool(event.ids or event.contact)

    def problem(self, event: FullEvent) -> str | None:
        """Return why Microsoft would refuse this event: a page load is nothing without its page."""
        if event.name == "page_view" and web_url(event.url) is None:
            return "data.eventSourceUrl: a pageLoad needs the address of its page"
        return None

    def recognises(self, event: FullEvent | CookielessEvent) -> bool:
        """Every one has its ``eventId``, which is made of the entry and so stays the same."""
        return True

    def full(self, events: Sequence[FullEvent]) -> Request:
        """Map a batch to one call."""
        return self._request([_full_event(event) for event in events])

    def cookieless(self, event: CookielessEvent) -> Request:
        """Map an event that Microsoft may not use for advertising, under ids that exist for this event alone."""
        return self._request([_cookieless_event(event)])

    def _request(self, data: list[Json]) -> Request:
        return Request(
            "POST",
            f"https://capi.uet.microsoft.com/v1/{self.tag_id}/events",
            body={"data": data, "continueOnValidationError": True, "dataProvider": "sayso"},
        )

    def read(self, response: Response, count: int) -> Verdict:
        """Read Microsoft's answer. A 200 may name events that were refused; a 400 means that nothing was taken."""
        status = response.status
        if status in {401, 403, 404, 407}:
            return Pause(_status_words(response))
        if status in {408, 425, 429} or status >= 500 or is_page(response):
            return Retry(_status_words(response), retry_after(response))
        refused = _refused(response, count)
        if 200 <= status < 300:
            if refused or not _took_nothing(response):
                return Delivered(refused)
        elif refused and count > 1:
            return Resend(refused)
        elif refused:
            return Refused(refused[0])
        words = _status_words(response)
        return Split(words) if count > 1 else Refused(words)

    def read_cookieless(self, response: Response) -> Verdict:
        """Read the answer to one event, as in a batch of one."""
        return self.read(response, 1)


# --- mapping ------------------------------------------------------------------------------------------------------


def _full_event(event: FullEvent) -> dict[str, Json]:
    mapped = _event(event)
    mapped["eventId"] = event.event_id
    mapped["eventTime"] = event.time_ms // 1000
    mapped["adStorageConsent"] = "G" if event.signals.granted(Signal.AD_STORAGE) else "D"
    mapped["userData"] = {**event.ids, **event.contact}
    if event.user_agent:
        mapped["userData"]["clientUserAgent"] = event.user_agent
    return mapped


def _cookieless_event(event: CookielessEvent) -> dict[str, Json]:
    # Microsoft demands an id and a time. Both come from what was drawn for this entry, so that a retry repeats them.
    drawn = _contact.sha256_hex(event.random_id)
    mapped = _event(event)
    mapped["eventId"] = drawn[32:]
    mapped["eventTime"] = int(event.random_id.rpartition(".")[2])
    mapped["adStorageConsent"] = "D"
    mapped["userData"] = {"anonymousId": drawn[:32]}
    if event.user_agent:
        mapped["userData"]["clientUserAgent"] = event.user_agent
    return mapped


def _event(event: FullEvent | CookielessEvent) -> dict[str, Json]:
    """Map what names nobody."""
    mapped: dict[str, Json]
    if event.name == "page_view":
        mapped = {"eventType": "pageLoad"}
    else:
        mapped = {"eventType": "custom", "eventName": event.name}
        custom_data = _custom_data(event)
        if custom_data:
            mapped["customData"] = custom_data
    url, referrer = web_url(event.url), web_url(event.referrer)
    if url is not None:
        mapped["eventSourceUrl"] = url
    if referrer is not None:
        mapped["referrerUrl"] = referrer
    if event.title:
        mapped["pageTitle"] = event.title
    return mapped


def _custom_data(event: FullEvent | CookielessEvent) -> dict[str, Json]:
    data: dict[str, Json] = {}
    params = event.params
    if params:
        for key, ours in _TEXTS:
            text = params.get(key)
            if text is not None and text != "":
                data[ours] = str(text)
    page_type = _PAGE_TYPES.get(event.name)
    if page_type is not None:
        data["pageType"] = page_type
    if event.transaction_id:
        data["transactionId"] = event.transaction_id
    # Microsoft takes no value without its currency.
    if event.value is not None and event.currency is not None:
        data["value"] = event.value
        data["currency"] = event.currency
        if event.name == "purchase":
            data["ecommTotalValue"] = event.value
    if event.items:
        _put_items(data, event)
    return data


def _put_items(data: dict[str, Json], event: FullEvent | CookielessEvent) -> None:
    items = []
    for article in articles(event.items):
        item: dict[str, Json] = {"id": article.id}
        if article.name:
            item["name"] = article.name
        if article.price is not None:
            item["price"] = article.price
        if article.quantity is not None:
            item["quantity"] = article.quantity
        items.append(item)
    if items:
        data["itemIds"] = [item["id"] for item in items]
        if event.name != "view_item_list":  # Microsoft's category pages have ids alone
            data["items"] = items


def _email(text: str) -> str:
    """Return an e-mail address by Microsoft's rule: no dots and no ``+tag`` in the local part, at any provider."""
    local, _, domain = _contact.email(text).partition("@")
    local = local.partition("+")[0].replace(".", "")
    return f"{local}@{domain}" if local else ""


# --- answers ------------------------------------------------------------------------------------------------------


def _error(response: Response) -> dict[str, Json]:
    error = response.json.get("error") if isinstance(response.json, dict) else None
    return error if isinstance(error, dict) else {}


def _status_words(response: Response) -> str:
    error = _error(response)
    said = " ".join(filter(None, (vendor_words(error.get("code")), vendor_words(error.get("message")))))
    return f"HTTP {response.status}" + (f": {said}" if said else "")


def _took_nothing(response: Response) -> bool:
    """Tell whether Microsoft says both that something was wrong and that it kept no event."""
    answer = response.json
    return isinstance(answer, dict) and "error" in answer and answer.get("eventsReceived") == 0


def _refused(response: Response, count: int) -> dict[int, str]:
    """Return which events Microsoft refused, by its details; warnings only tell of a field that was left out."""
    details = _error(response).get("details")
    refused: dict[int, str] = {}
    for detail in details if isinstance(details, list) else ():
        if not isinstance(detail, dict) or detail.get("isWarning") is True:
            continue
        index = _index(detail)
        if index is not None and 0 <= index < count:
            refused.setdefault(index, _detail_words(detail))
    return refused


def _index(detail: dict[str, Json]) -> int | None:
    index = detail.get("index")
    if type(index) is int:
        return index
    named = detail.get("propertyName")
    match = _IN_DATA.search(named) if isinstance(named, str) else None
    return int(match[1]) if match else None


def _detail_words(detail: dict[str, Json]) -> str:
    """Return Microsoft's words on one event, without the value that it tried."""
    said = detail.get("errorMessage")
    attempted = detail.get("attemptedValue")
    if isinstance(said, str) and isinstance(attempted, str | int | float) and len(str(attempted)) > 2:
        said = said.replace(str(attempted), "…")
    parts = (detail.get("errorCode"), detail.get("propertyName"), said)
    return " ".join(filter(None, map(vendor_words, parts))) or "ValidationError"
