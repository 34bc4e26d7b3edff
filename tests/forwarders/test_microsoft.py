"""Microsoft Advertising: what is sent, what identifies, what its answers mean. Vectors are those it documents."""

import re
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from forwarders.auth import BearerAuth
from forwarders.base import Request, Response
from forwarders.microsoft import Microsoft
from forwarders.verdicts import Delivered, Pause, Refused, Resend, Retry, Split, Verdict
from proxy.event import UserData
from proxy.secret import Secret
from proxy.signals import ALL_DENIED, ALL_GRANTED, Signals, Value
from tests.support.events import STANZAS, USER_AGENT, cookieless_event, full_event, full_event_for, trace_for

MICROSOFT = Microsoft.build(STANZAS["microsoft"])
URL = "https://capi.uet.microsoft.com/v1/97000001/events"
VID = "0123456789abcdef0123456789abcdef"
CLICK = "fedcba9876543210fedcba9876543210"
EVENT_ID = "018f6a2e-7c1d-7000-8000-000000000001"
EM = "ec81f3ac7b2b19675bab9d54cf416f9f18cff87c97da5cca82c0f0891bc40602"
IDS = {"anonymousId": VID, "msclkid": CLICK}
USER_DATA = {**IDS, "clientUserAgent": USER_AGENT}


def enveloped(event: dict[str, Any]) -> dict[str, Any]:
    """Return the body around one event."""
    return {"data": [event], "continueOnValidationError": True, "dataProvider": "sayso"}


def sent(request: Request) -> list[dict[str, Any]]:
    """Return the events in a request."""
    assert isinstance(request.body, dict)
    events = request.body["data"]
    assert isinstance(events, list)
    return events


# title: (changes to a consented purchase, the event that Microsoft is sent)
MAPPED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a page view carries no revenue": (
        {"name": "page_view", "url": "https://shop.example/?msclkid=x", "referrer": "https://www.bing.com/"},
        {
            "eventType": "pageLoad", "eventId": EVENT_ID, "eventTime": 1795341600, "adStorageConsent": "G",
            "eventSourceUrl": "https://shop.example/?msclkid=x", "referrerUrl": "https://www.bing.com/",
            "pageTitle": "Thanks", "userData": USER_DATA,
        },
    ),
    "a purchase with contact data": (
        {"contact": {"em": EM}, "params": {"coupon": "SUMMER", "event_category": "shop", "event_label": 7}},
        {
            "eventType": "custom", "eventName": "purchase", "eventId": EVENT_ID, "eventTime": 1795341600,
            "eventSourceUrl": "https://shop.example/thanks?utm_source=news",
            "referrerUrl": "https://shop.example/cart", "pageTitle": "Thanks", "adStorageConsent": "G",
            "userData": {**USER_DATA, "em": EM},
            "customData": {
                "eventCategory": "shop", "eventLabel": "7", "pageType": "purchase", "transactionId": "T-1",
                "value": 499.0, "ecommTotalValue": 499.0, "currency": "NOK", "itemIds": ["SKU1"],
                "items": [{"id": "SKU1", "name": "Genser", "price": 249.5, "quantity": 2}],
            },
        },
    ),
    "a list of items has their ids alone": (
        {
            "name": "view_item_list", "value": None, "currency": None, "transaction_id": None, "title": None,
            "referrer": "not a url",
        },
        {
            "eventType": "custom", "eventName": "view_item_list", "eventId": EVENT_ID, "eventTime": 1795341600,
            "eventSourceUrl": "https://shop.example/thanks?utm_source=news", "adStorageConsent": "G",
            "userData": USER_DATA, "customData": {"pageType": "category", "itemIds": ["SKU1"]},
        },
    ),
    "a search": (
        {
            "name": "view_search_results", "params": {"search_term": "red jumper"}, "items": [], "value": None,
            "transaction_id": None, "referrer": None, "title": None,
        },
        {
            "eventType": "custom", "eventName": "view_search_results", "eventId": EVENT_ID, "eventTime": 1795341600,
            "eventSourceUrl": "https://shop.example/thanks?utm_source=news", "adStorageConsent": "G",
            "userData": USER_DATA, "customData": {"searchTerm": "red jumper", "pageType": "searchresults"},
        },
    ),
    "a value without its currency is left out": (
        {
            "name": "generate_lead", "currency": None, "items": [{"item_name": "no id"}], "transaction_id": None,
            "url": None, "referrer": None, "title": None, "user_agent": "",
        },
        {
            "eventType": "custom", "eventName": "generate_lead", "eventId": EVENT_ID, "eventTime": 1795341600,
            "adStorageConsent": "G", "userData": IDS,
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "mapped"), list(MAPPED.values()), ids=list(MAPPED))
def test_what_microsoft_is_sent(changes: dict[str, Any], mapped: dict[str, Any]) -> None:
    """Method, address, headers and body, whole."""
    request = MICROSOFT.full([full_event(ids=dict(IDS), **changes)])
    assert (request.method, request.url, request.query, request.headers) == ("POST", URL, [], {})
    assert request.body == enveloped(mapped)


@pytest.mark.parametrize(
    ("name", "page_type"),
    [
        ("view_item", "product"), ("view_item_list", "category"), ("search", "searchresults"), ("add_to_cart", "cart"),
        ("view_cart", "cart"), ("begin_checkout", "cart"), ("purchase", "purchase"), ("sign_up", None),
    ],
)  # fmt: skip
def test_kinds_of_page(name: str, page_type: str | None) -> None:
    """Microsoft's remarketing goes by them; where none fits, none is said."""
    assert sent(MICROSOFT.full([full_event(name=name)]))[0]["customData"].get("pageType") == page_type


def test_consent_is_always_said() -> None:
    """Left out, Microsoft would take it as granted."""
    denied = full_event(signals=Signals(Value.GRANTED, Value.DENIED, Value.GRANTED, Value.GRANTED))
    data = sent(MICROSOFT.full([full_event(), denied]))
    assert [event["adStorageConsent"] for event in data] == ["G", "D"]


def test_no_address_of_the_visitor_is_sent() -> None:
    """Ours is truncated; Microsoft does not need it."""
    assert "203.0.113.0" not in str(MICROSOFT.full([full_event(address="203.0.113.0")]).body)


def test_a_cookieless_event_is_marked_as_denied_and_names_nobody() -> None:
    """Ids are drawn for this event alone, the time is that of the draw, and consent is denied whatever else is so."""
    request = MICROSOFT.cookieless(cookieless_event(signals=ALL_GRANTED))
    assert (request.method, request.url, request.query, request.headers) == ("POST", URL, [], {})
    assert request.body == enveloped(
        {
            "eventType": "custom", "eventName": "purchase", "eventId": "2277586ba09e9716b259970d2c809f8f",
            "eventTime": 1795341600, "eventSourceUrl": "https://shop.example/thanks?utm_source=news",
            "referrerUrl": "https://news.example/", "pageTitle": "Thanks", "adStorageConsent": "D",
            "userData": {
                "anonymousId": "34b34b42a6bf32aa6b126cca21539295",
                "clientUserAgent": "Mozilla/5.0 (Windows NT 10.0) Chrome/156",
            },
            "customData": {
                "pageType": "purchase", "transactionId": "T-1", "value": 499.0, "ecommTotalValue": 499.0,
                "currency": "NOK", "itemIds": ["SKU1"],
                "items": [{"id": "SKU1", "name": "Genser", "price": 249.5, "quantity": 2}],
            },
        }
    )  # fmt: skip
    assert MICROSOFT.cookieless_auth == BearerAuth(Secret("secret-of-microsoft"))


def test_two_cookieless_events_share_no_id() -> None:
    """What was drawn for one entry says nothing of another, even in the same second."""
    first = sent(MICROSOFT.cookieless(cookieless_event(random_id="1.1795341600")))[0]
    second = sent(MICROSOFT.cookieless(cookieless_event(random_id="2.1795341600")))[0]
    assert first["userData"]["anonymousId"] != second["userData"]["anonymousId"]
    assert first["eventId"] != second["eventId"]


@pytest.mark.parametrize("wrong", [{"tag_id": "97x"}, {"tag_id": "1/../2"}, {"api_token": ""}])
def test_settings_that_microsoft_could_not_take_are_refused(wrong: dict[str, str]) -> None:
    """A mistake in the configuration shows at its check."""
    with pytest.raises(ValidationError):
        Microsoft.build({**STANZAS["microsoft"], **wrong})


# --- who it was -----------------------------------------------------------------------------------------------------

OURS = "000102030405060708090a0b0c0d0e0f"
OTHER_CLICK = "aaaabbbbccccddddeeeeffff00001111"

# title: (cookies, click id, anonymousId, msclkid)
IDENTIFIED: dict[str, tuple[dict[str, str], str | None, str, str | None]] = {
    "nothing of Microsoft's": ({}, None, OURS, None),
    "UET's cookies": ({"_uetvid": VID, "_uetmsclkid": "_uet" + CLICK}, None, VID, CLICK),
    "a newer click than the cookie's": ({"_uetmsclkid": "_uet" + CLICK}, OTHER_CLICK, OURS, OTHER_CLICK),
    "a click id that is none": ({"_uetmsclkid": "_uet" + CLICK}, "x y", OURS, CLICK),
    "placeholders before consent": ({"_uetvid": "null|abc", "_uetmsclkid": "_uetnull|"}, None, OURS, None),
    "a visitor id with a line break": ({"_uetvid": VID + "\n"}, None, OURS, None),
    "a visitor id in capitals is not UET's": ({"_uetvid": VID.upper()}, None, OURS, None),
}


@pytest.mark.parametrize(
    ("cookies", "click_id", "anonymous", "click"), list(IDENTIFIED.values()), ids=list(IDENTIFIED)
)
def test_identify(cookies: dict[str, str], click_id: str | None, anonymous: str, click: str | None) -> None:
    """UET's own visitor id if there is one, else our derivative for Microsoft alone; and the newest click."""
    trace = trace_for(MICROSOFT, cookies=cookies, click_ids={} if click_id is None else {"msclkid": click_id})
    ids = MICROSOFT.identify(trace, ALL_GRANTED)
    assert ids == {"anonymousId": anonymous} | ({} if click is None else {"msclkid": click})


@pytest.mark.parametrize(
    "signals",
    [
        Signals(Value.GRANTED, Value.DENIED, Value.GRANTED, Value.GRANTED),
        Signals(Value.GRANTED, Value.GRANTED, Value.UNKNOWN, Value.GRANTED),
        Signals(Value.GRANTED, Value.GRANTED, Value.GRANTED, Value.DENIED),
        ALL_DENIED,
    ],
)
def test_without_all_ad_signals_nobody_is_identified(signals: Signals) -> None:
    """No id, no hash, no click id in a URL."""
    assert MICROSOFT.identify(trace_for(MICROSOFT), signals) == {}
    assert MICROSOFT.contact(UserData(email="kari@example.no"), signals) == {}
    assert MICROSOFT.keeps_click_ids(signals) == frozenset()


def test_an_event_needs_an_id() -> None:
    """Address and user agent are not enough for Microsoft."""
    assert not MICROSOFT.identified(full_event())
    assert MICROSOFT.identified(full_event(contact={"em": EM}))
    assert MICROSOFT.identified(full_event_for(MICROSOFT))
    assert MICROSOFT.keeps_click_ids(ALL_GRANTED) == {"msclkid"}


def test_a_page_view_needs_its_page() -> None:
    """Microsoft refuses a page load without address; any other event does without."""
    assert "eventSourceUrl" in str(MICROSOFT.problem(full_event(name="page_view", url=None)))
    assert MICROSOFT.problem(full_event(name="page_view")) is None
    assert MICROSOFT.problem(full_event(url=None)) is None


# title: (contact data, Microsoft's keys)
CONTACT: dict[str, tuple[UserData, dict[str, str]]] = {
    "e-mail": (UserData(email="john@contoso.com"), {"em": EM}),
    "dots and tags go, at any provider": (
        UserData(email=" Jane.Doe+News@Contoso.com "),
        {"em": "62a8040a00736e70808e43009b5c63c4f6229ced98f486d0968441b292b9858a"},
    ),
    "phone, with its plus": (
        UserData(phone="+1 (425) 555-1234"),
        {"ph": "c59475d96e9f01d7d18d06cfad84dd02333207f02c0c2c5663ef2782cda0390e"},
    ),
    "phone with a national zero": (
        UserData(phone="+41 (0)79 123 45 67"),
        {"ph": "1a08ef565c13a1e790d8501276243c2c7907e1f6d093cdaec4f23c87e4ea1303"},
    ),
    "a hash made by somebody else's rule": (UserData(email=EM, phone=EM), {}),
    "nothing left before the @": (UserData(email="+news@contoso.com"), {}),
    "names and places are not asked for": (UserData(first_name="Kari", city="Oslo", country="NO"), {}),
    "nothing usable": (UserData(email="n/a", phone="912 34 567"), {}),
}


@pytest.mark.parametrize(("user_data", "hashes"), list(CONTACT.values()), ids=list(CONTACT))
def test_contact(user_data: UserData, hashes: dict[str, str]) -> None:
    """Microsoft's own rules, which are not Meta's."""
    assert MICROSOFT.contact(user_data, ALL_GRANTED) == hashes


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30), st.text(max_size=30))
def test_contact_is_hashes_whatever_is_written(email: str, phone: str) -> None:
    """Nothing passes through in the clear."""
    hashes = MICROSOFT.contact(UserData(email=email, phone=phone), ALL_GRANTED)
    assert all(re.fullmatch(r"[0-9a-f]{64}", value) for value in hashes.values())


# --- answers --------------------------------------------------------------------------------------------------------


def invalid(*details: dict[str, object], received: int | None = None) -> dict[str, object]:
    """Return a validation error as Microsoft answers it."""
    answer: dict[str, object] = {
        "error": {"code": "ValidationError", "message": "Some events are invalid.", "details": list(details)}
    }
    return answer if received is None else {"eventsReceived": received, **answer}


def detail(index: int, **more: object) -> dict[str, object]:
    """Return what Microsoft says of one event."""
    return {
        "index": index,
        "propertyName": f"data[{index}].eventType",
        "errorMessage": "Event type is not known.",
        **more,
    }


WORDS = "Event type is not known."
ALL = "HTTP 400: ValidationError Some events are invalid."

# title: (status, JSON, headers, events in the batch, what it means)
ANSWERS: dict[str, tuple[int, object, dict[str, str], int, Verdict]] = {
    "taken": (200, {"eventsReceived": 3}, {}, 3, Delivered()),
    "an empty 200, as a plain sink gives": (200, None, {}, 3, Delivered()),
    "one of three refused": (
        200, invalid(detail(1), received=2), {}, 3, Delivered({1: f"data[1].eventType {WORDS}"}),
    ),
    "the only one refused": (
        200, invalid(detail(0), received=0), {}, 1, Delivered({0: f"data[0].eventType {WORDS}"}),
    ),
    "a field left out, the event taken": (200, invalid(detail(1, isWarning=True), received=3), {}, 3, Delivered()),
    "named by its path alone": (
        200, invalid({"propertyName": "data[2].eventTime", "errorMessage": "Too old."}, received=2), {}, 3,
        Delivered({2: "data[2].eventTime Too old."}),
    ),
    "an event that was not sent": (200, invalid(detail(7), received=3), {}, 3, Delivered()),
    "nothing taken, and nobody named": (200, invalid(received=0), {}, 3, Split("HTTP 200: ValidationError Some events are invalid.")),
    "nothing taken, two to blame": (
        400, invalid(detail(0), detail(2, errorCode="E7")), {}, 3,
        Resend({0: f"data[0].eventType {WORDS}", 2: f"E7 data[2].eventType {WORDS}"}),
    ),
    "nothing taken, the first word on an event counts": (
        400, invalid(detail(1), detail(1, errorMessage="Also this.")), {}, 2, Resend({1: f"data[1].eventType {WORDS}"}),
    ),
    "the only one to blame": (400, invalid(detail(0)), {}, 1, Refused(f"data[0].eventType {WORDS}")),
    "nothing taken, nobody named": (400, invalid(), {}, 2, Split(ALL)),
    "one alone, not named": (400, invalid(), {}, 1, Refused(ALL)),
    "a bad token": (401, {"error": {"code": "Unauthorized", "message": "Bad token."}}, {}, 2, Pause("HTTP 401: Unauthorized Bad token.")),
    "not in the pilot": (403, None, {}, 2, Pause("HTTP 403")),
    "no such tag": (404, None, {}, 2, Pause("HTTP 404")),
    "too slow": (408, None, {}, 2, Retry("HTTP 408")),
    "too many": (429, None, {"retry-after": "30"}, 2, Retry("HTTP 429", 30.0)),
    "out of service": (503, None, {"content-type": "text/html"}, 2, Retry("HTTP 503")),
    "a page in place of an answer": (200, None, {"content-type": "text/html"}, 2, Retry("HTTP 200")),
    "too large": (413, None, {}, 2, Split("HTTP 413")),
    "an error of another shape": (400, {"error": "no"}, {}, 1, Refused("HTTP 400")),
}  # fmt: skip


@pytest.mark.parametrize(
    ("status", "json", "headers", "count", "verdict"), list(ANSWERS.values()), ids=list(ANSWERS)
)
def test_what_an_answer_means(
    status: int, json: object, headers: dict[str, str], count: int, verdict: Verdict
) -> None:
    """A 200 with errors has taken the rest; a 400 has taken nothing."""
    body = b"" if json is None else orjson.dumps(json)
    assert MICROSOFT.read(Response(status, headers, body, json), count) == verdict


def test_the_answer_to_a_cookieless_event_is_read_alike() -> None:
    """It is a batch of one."""
    answer = invalid(detail(0))
    assert MICROSOFT.read_cookieless(Response(400, {}, b"", answer)) == Refused(f"data[0].eventType {WORDS}")
    assert MICROSOFT.read_cookieless(Response(200, {}, b"", {"eventsReceived": 1})) == Delivered()


def test_the_value_that_was_tried_is_not_kept() -> None:
    """It may be the visitor's, and Microsoft may repeat it in its message."""
    answer = invalid(
        detail(0, errorMessage="Kari Nordmann is no phone.", attemptedValue="Kari Nordmann"), received=0
    )
    verdict = MICROSOFT.read(Response(200, {}, b"", answer), 1)
    assert verdict == Delivered({0: "data[0].eventType … is no phone."})
