"""Meta Conversions API. It has no cookieless mode: without consent nothing may be sent.

Vendor rules: Meta for Developers, Conversions API (server event, customer information, custom data, fbp and fbc).
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import ClassVar

import orjson
from pydantic import Field

from forwarders import _contact
from forwarders._consent import may_advertise
from forwarders._fields import articles, web_url
from forwarders._words import is_page, vendor_words
from forwarders.auth import Auth, BodyAuth
from forwarders.base import Batch, Forwarder, Json, Request, Response, Trace, retry_after
from forwarders.verdicts import Delivered, Pause, Refused, Retry, Split, Verdict
from proxy.event import CookielessEvent, FullEvent, Item, UserData
from proxy.secret import Secret
from proxy.signals import Signals
from proxy.sources.iab import META, Vendor

# GA4's names and Meta's standard events. Any other name is a custom event under its own name.
_NAMES = {
    "page_view": "PageView",
    "view_item": "ViewContent",
    "view_item_list": "ViewContent",
    "search": "Search",
    "view_search_results": "Search",
    "add_to_cart": "AddToCart",
    "add_to_wishlist": "AddToWishlist",
    "begin_checkout": "InitiateCheckout",
    "add_payment_info": "AddPaymentInfo",
    "purchase": "Purchase",
    "generate_lead": "Lead",
    "sign_up": "CompleteRegistration",
}
# What a free parameter may not be called: Meta gives these keys a type, and we fill them ourselves; or it is Google's own.
_TYPED = frozenset(
    "value currency content_ids content_type contents num_items order_id search_string predicted_ltv net_revenue"
    " engagement_time_msec".split()
)

# The fifth part is what Meta's own parameter builder appends; such values go on untouched.
_COOKIE = re.compile(r"fb\.\d{1,2}\.\d{1,15}\.([A-Za-z0-9_-]{1,500})(?:\.[A-Za-z0-9_-]{2,8})?", re.ASCII)
_CLICK_ID = re.compile(r"[A-Za-z0-9_-]{1,500}")

# What Meta's error codes mean (Graph API, handling errors and rate limiting).
_TEMPORARY = frozenset({1, 2, 5000, 21009})
_LIMITS = frozenset({4, 17, 32, 341, 368, 613, *range(80_000, 80_015)})
_OPERATOR = frozenset({3, 10, 102, 190, 2635, *range(200, 300)})
_NO_SUCH_DATASET = (100, 33)
_LIMIT_PAUSE_S = 60.0
_LONGEST_PAUSE_S = 86_400.0


class Meta(Forwarder):
    """Sends consented events to one Meta dataset (formerly: pixel), as website events."""

    dataset_id: str = Field(pattern=r"^\d{1,32}$")
    """The dataset's number, as the Events Manager shows it."""
    access_token: Secret
    """A token for that dataset, made in the Events Manager."""
    api_version: str = Field(default="v26.0", pattern=r"^v\d{1,3}\.\d{1,2}$")
    """The version of the Graph API; Meta refuses versions that have ended."""
    test_event_code: str = Field(default="", pattern=r"^[A-Za-z0-9]{0,64}$")
    """Shows the events under the Events Manager's test events. They count as live all the same: never in production."""
    app_secret: Secret | None = None
    """Only where the token's app demands a proof of its secret with every call."""

    title: ClassVar[str] = "Meta"
    iab: ClassVar[Vendor | None] = META
    hosts: ClassVar[frozenset[str]] = frozenset({"graph.facebook.com"})
    full_headers: ClassVar[frozenset[str]] = frozenset({"content-type"})
    full_keys: ClassVar[frozenset[str]] = frozenset(
        "data event_name event_time event_id action_source event_source_url referrer_url user_data em ph fn ln ct zp"
        " country external_id fbp fbc client_user_agent custom_data test_event_code appsecret_proof".split()
    )
    open_keys: ClassVar[frozenset[str]] = frozenset({"custom_data"})
    takes_click_ids: ClassVar[frozenset[str]] = frozenset({"fbclid"})
    takes_earlier_click_ids: ClassVar[frozenset[str]] = takes_click_ids
    batch: ClassVar[Batch] = Batch(limit=1000)

    @property
    def auth(self) -> Auth:
        """In the body: a query would end in access logs."""
        return BodyAuth("access_token", self.access_token)

    def cookie_names(self) -> frozenset[str]:
        """Return the Pixel's two first-party cookies."""
        return frozenset({"_fbp", "_fbc"})

    def dated(self, ids: dict[str, str], taken_ms: int, latest_ms: int) -> dict[str, str]:
        """Let no click have been seen in the future: the third part of ``fbc`` is when that was, Unix ms."""
        begin, *index, seen_at, rest = ids.get("fbc", "...").split(".", 3)
        if not seen_at.isdecimal() or not latest_ms < int(seen_at) <= taken_ms:
            return ids
        return {**ids, "fbc": ".".join((begin, *index, str(latest_ms), rest))}

    def keeps_click_ids(self, signals: Signals) -> frozenset[str]:
        """Return ``fbclid``, with all ad signals."""
        return self.takes_click_ids if may_advertise(signals) else frozenset()

    def identify(self, trace: Trace, signals: Signals) -> dict[str, str]:
        """Return ``external_id``, and ``fbp`` and ``fbc`` where the browser or a click gives them."""
        if not may_advertise(signals):
            return {}
        ids = {"external_id": _contact.sha256_hex(trace.derived.hex())}
        fbp = trace.cookies.get("_fbp")
        if fbp is not None and _COOKIE.fullmatch(fbp):
            ids["fbp"] = fbp
        fbc = _fbc(trace)
        if fbc is not None:
            ids["fbc"] = fbc
        return ids

    def contact(self, user_data: UserData, signals: Signals) -> dict[str, str]:
        """Return Meta's hashes: SHA-256 of the normalised text; what a site has hashed already stays as it is."""
        if not may_advertise(signals):
            return {}
        country = _contact.alpha2(user_data.country)
        # Meta wants phone numbers with their country code, but without the plus.
        normalised = {
            "em": (user_data.email, _contact.email(user_data.email)),
            "ph": (user_data.phone, _contact.e164(user_data.phone)[1:]),
            "fn": (user_data.first_name, _contact.letters_and_digits(user_data.first_name)),
            "ln": (user_data.last_name, _contact.letters_and_digits(user_data.last_name)),
            "ct": (user_data.city, _contact.letters(user_data.city)),
            "zp": (user_data.postal_code, _contact.postal_code(user_data.postal_code, country)),
            "country": (user_data.country, country),
        }
        hashes = {}
        for key, (written, text) in normalised.items():
            found = _contact.prehashed(written) or (_contact.sha256_hex(text) if text else "")
            if found:
                hashes[key] = found
        return hashes

    def identified(self, event: FullEvent) -> bool:
        """Tell whether there is more than a user agent: Meta refuses such events (2804050)."""
        return bool(event.ids) or "em" in event.contact or "ph" in event.contact

    def problem(self, event: FullEvent) -> str | None:
        """Return why Meta would refuse this event, and its whole batch with it (2804009)."""
        if _NAMES.get(event.name, event.name) != "Purchase":
            return None
        if event.value is None or event.value < 0 or event.currency is None:
            return "100/2804009: a Purchase needs a value, not below 0, and a currency"
        return None

    def recognises(self, event: FullEvent | CookielessEvent) -> bool:
        """Tell whether it has a key: a name and an ``event_id``, which Meta compares for 48 hours."""
        return isinstance(event, FullEvent)

    def full(self, events: Sequence[FullEvent]) -> Request:
        """Map a batch to one call of the dataset's ``events`` edge."""
        body: dict[str, Json] = {"data": [_event(event) for event in events]}
        if self.test_event_code:
            body["test_event_code"] = self.test_event_code
        if self.app_secret is not None:
            body["appsecret_proof"] = _proof(self.app_secret, self.access_token)
        return Request(
            "POST", f"https://graph.facebook.com/{self.api_version}/{self.dataset_id}/events", body=body
        )

    def read(self, response: Response, count: int) -> Verdict:
        """Read Meta's answer: one bad event refuses the whole batch, and Meta does not reliably say which."""
        error = response.json.get("error") if isinstance(response.json, dict) else None
        if isinstance(error, dict):
            return _read_error(error, response, count)
        status = response.status
        words = f"HTTP {status}"
        if status in {401, 403, 404, 407}:
            return Pause(words)
        if status in {408, 425, 429} or status >= 500 or is_page(response):
            return Retry(words, _limit_pause(response) if status == 429 else retry_after(response))
        if 200 <= status < 300:
            return Delivered()
        return Split(words) if count > 1 else Refused(words)


# --- mapping ------------------------------------------------------------------------------------------------------


def _event(event: FullEvent) -> dict[str, Json]:
    user_data: dict[str, Json] = {key: [value] for key, value in event.contact.items()}
    user_data.update(event.ids)
    if event.user_agent:
        user_data["client_user_agent"] = event.user_agent
    url = web_url(event.url)
    name = _NAMES.get(event.name, event.name)
    mapped: dict[str, Json] = {
        "event_name": name,
        "event_time": event.time_ms // 1000,
        "event_id": event.event_id,
        # Meta takes website events only with both; a backend's event without them has not been shown to be one.
        "action_source": "website" if url is not None and event.user_agent else "other",
        "user_data": user_data,
    }
    if url is not None:
        mapped["event_source_url"] = url
    referrer = web_url(event.referrer)
    if referrer is not None:
        mapped["referrer_url"] = referrer
    custom_data = _custom_data(event, name)
    if custom_data:
        mapped["custom_data"] = custom_data
    return mapped


def _custom_data(event: FullEvent, name: str) -> dict[str, Json]:
    params = event.params
    data: dict[str, Json] = {key: value for key, value in params.items() if key not in _TYPED and value != ""}
    if name == "Search" and "search_term" in data:
        data["search_string"] = str(data.pop("search_term"))
    if event.value is not None and event.value >= 0:
        data["value"] = event.value
    if event.currency is not None:
        data["currency"] = event.currency
    if event.transaction_id:
        data["order_id"] = event.transaction_id
    if event.items:
        _put_items(data, event.items, name)
    return data


def _put_items(data: dict[str, Json], items: Sequence[Item], name: str) -> None:
    contents = []
    count = 0
    for article in articles(items):
        entry: dict[str, Json] = {"id": article.id}
        if article.quantity is not None:
            entry["quantity"] = article.quantity
        if article.price is not None and article.price >= 0:
            entry["item_price"] = article.price
        contents.append(entry)
        count += article.quantity or 1
    if contents:
        data["content_type"] = "product"
        data["content_ids"] = [entry["id"] for entry in contents]
        data["contents"] = contents
        if name == "InitiateCheckout":
            data["num_items"] = count


def _fbc(trace: Trace) -> str | None:
    """Return the cookie's click, but for a newer one that the cookie does not know yet; without either, an earlier visit's.

    The third part is when the click was first seen, Unix ms.
    """
    cookie = trace.cookies.get("_fbc")
    match = _COOKIE.fullmatch(cookie) if cookie is not None else None
    click_id = trace.click_ids.get("fbclid")
    if click_id is not None and _CLICK_ID.fullmatch(click_id) and (match is None or match[1] != click_id):
        return f"fb.1.{trace.time_ms}.{click_id}"
    if match is not None:
        return cookie
    earlier, seen_at = trace.earlier.get("fbclid", ("", 0))
    return f"fb.1.{seen_at}.{earlier}" if _CLICK_ID.fullmatch(earlier) else None


def _proof(app_secret: Secret, access_token: Secret) -> str:
    return hmac.new(app_secret.reveal().encode(), access_token.reveal().encode(), hashlib.sha256).hexdigest()


# --- answers ------------------------------------------------------------------------------------------------------


def _read_error(error: dict[str, Json], response: Response, count: int) -> Verdict:
    code, subcode = _whole(error.get("code")), _whole(error.get("error_subcode"))
    words = _error_words(error)
    if code in _OPERATOR or (code, subcode) == _NO_SUCH_DATASET:
        return Pause(words)
    if code in _LIMITS or response.status == 429:
        return Retry(words, _limit_pause(response))
    if code in _TEMPORARY or error.get("is_transient") is True or response.status >= 500:
        return Retry(words, retry_after(response))
    if code != 100 and response.status in {401, 403, 404}:
        return Pause(words)
    return Split(words) if count > 1 else Refused(words)


def _error_words(error: dict[str, Json]) -> str:
    """Return Meta's words: ``code/subcode type: message (title)``."""
    code, subcode = _whole(error.get("code")), _whole(error.get("error_subcode"))
    numbers = "/".join(str(one) for one in (code, subcode) if one is not None) or "no code"
    kind, message = vendor_words(error.get("type")), vendor_words(error.get("message"))
    title = vendor_words(error.get("error_user_title"))
    said = f"{message} ({title})" if title and message else message or title
    return f"{numbers} {kind}".strip() + (f": {said}" if said else "")


def _whole(value: Json) -> int | None:
    return value if type(value) is int else None


def _limit_pause(response: Response) -> float | None:
    """Return how long a rate limit lasts, in seconds: what Meta asks for or estimates, or a minute where it says neither.

    None: it asks by a date, which delivery reads.
    """
    estimated = _minutes_to_regain(response.headers.get("x-business-use-case-usage", "")) * 60.0
    asked = retry_after(response)
    if asked is None and not estimated:
        return None if response.headers.get("retry-after") else _LIMIT_PAUSE_S
    return min(max(estimated, asked or 0.0), _LONGEST_PAUSE_S)


def _minutes_to_regain(header: str) -> float:
    """Return the longest ``estimated_time_to_regain_access`` (minutes) of Meta's usage header, 0 if it has none."""
    try:
        usage: Json = orjson.loads(header)
    except orjson.JSONDecodeError:
        return 0.0
    longest = 0.0
    for uses in usage.values() if isinstance(usage, dict) else ():
        for use in uses if isinstance(uses, list) else ():
            minutes = use.get("estimated_time_to_regain_access") if isinstance(use, dict) else None
            if isinstance(minutes, int | float):
                longest = max(longest, minutes)
    return longest
