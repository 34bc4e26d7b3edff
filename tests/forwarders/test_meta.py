"""Meta: what is sent, and what identifies. Vectors are those that Meta documents."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from forwarders.auth import BodyAuth
from forwarders.base import Request
from forwarders.meta import Meta
from proxy.event import UserData
from proxy.secret import Secret
from proxy.signals import ALL_DENIED, ALL_GRANTED, Signals, Value
from tests.support.events import NOW_MS, STANZAS, USER_AGENT, full_event, full_event_for, trace_for

META = Meta.build(STANZAS["meta"])
URL = "https://graph.facebook.com/v26.0/1234567890/events"
EM = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"
FBP = "fb.1.1795169000000.1254136630"
IDS = {"external_id": "d6" * 32, "fbp": FBP}
USER_DATA = {**IDS, "client_user_agent": USER_AGENT}


def sent(request: Request) -> list[dict[str, Any]]:
    """Return the events in a request."""
    assert isinstance(request.body, dict)
    events = request.body["data"]
    assert isinstance(events, list)
    return events


# title: (changes to a consented purchase, the event that Meta is sent)
MAPPED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a page view": (
        {
            "name": "page_view", "items": [], "value": None, "currency": None, "transaction_id": None,
            "url": "https://shop.example/?fbclid=abc", "referrer": "https://www.facebook.com/",
        },
        {
            "event_name": "PageView", "event_time": 1795341600, "event_id": "018f6a2e-7c1d-7000-8000-000000000001",
            "action_source": "website", "user_data": USER_DATA,
            "event_source_url": "https://shop.example/?fbclid=abc", "referrer_url": "https://www.facebook.com/",
        },
    ),
    "a purchase with contact data, two items and free parameters": (
        {
            "contact": {"em": EM},
            "params": {"coupon": "SUMMER", "tax": 99.8, "gift": True, "note": ""},
            "items": [
                {"item_id": "SKU1", "item_name": "Genser", "price": 200, "quantity": 2},
                {"item_id": "SKU2", "price": "99.00"},
            ],
        },
        {
            "event_name": "Purchase", "event_time": 1795341600, "event_id": "018f6a2e-7c1d-7000-8000-000000000001",
            "action_source": "website", "user_data": {"em": [EM], **USER_DATA},
            "event_source_url": "https://shop.example/thanks?utm_source=news",
            "referrer_url": "https://shop.example/cart",
            "custom_data": {
                "coupon": "SUMMER", "tax": 99.8, "gift": True, "value": 499.0, "currency": "NOK", "order_id": "T-1",
                "content_type": "product", "content_ids": ["SKU1", "SKU2"],
                "contents": [{"id": "SKU1", "quantity": 2, "item_price": 200}, {"id": "SKU2", "item_price": 99.0}],
            },
        },
    ),
    "a begun checkout counts its items": (
        {
            "name": "begin_checkout", "transaction_id": None, "referrer": None,
            "items": [{"item_id": "A", "quantity": 2}, {"item_id": "B"}, {"item_name": "no id"}],
        },
        {
            "event_name": "InitiateCheckout", "event_time": 1795341600,
            "event_id": "018f6a2e-7c1d-7000-8000-000000000001", "action_source": "website", "user_data": USER_DATA,
            "event_source_url": "https://shop.example/thanks?utm_source=news",
            "custom_data": {
                "value": 499.0, "currency": "NOK", "content_type": "product", "content_ids": ["A", "B"],
                "contents": [{"id": "A", "quantity": 2}, {"id": "B"}], "num_items": 3,
            },
        },
    ),
    "a search": (
        {
            "name": "search", "params": {"search_term": "red jumper"}, "items": [], "value": None, "currency": None,
            "transaction_id": None, "url": "https://shop.example/search", "referrer": "android-app://com.example",
        },
        {
            "event_name": "Search", "event_time": 1795341600, "event_id": "018f6a2e-7c1d-7000-8000-000000000001",
            "action_source": "website", "user_data": USER_DATA, "event_source_url": "https://shop.example/search",
            "custom_data": {"search_string": "red jumper"},
        },
    ),
    "an event of the site's own goes under its own name": (
        {
            "name": "file_download", "params": {"file_extension": "pdf", "value": "x", "contents": "y", "engagement_time_msec": 9}, "items": [],
            "value": -5.0, "currency": None, "transaction_id": None, "referrer": None, "time_ms": NOW_MS + 999,
        },
        {
            "event_name": "file_download", "event_time": 1795341600,
            "event_id": "018f6a2e-7c1d-7000-8000-000000000001", "action_source": "website", "user_data": USER_DATA,
            "event_source_url": "https://shop.example/thanks?utm_source=news",
            "custom_data": {"file_extension": "pdf"},
        },
    ),
    "a backend's order without a page is not said to be a website's": (
        {"url": None, "referrer": None, "user_agent": "", "items": []},
        {
            "event_name": "Purchase", "event_time": 1795341600, "event_id": "018f6a2e-7c1d-7000-8000-000000000001",
            "action_source": "other", "user_data": IDS,
            "custom_data": {"value": 499.0, "currency": "NOK", "order_id": "T-1"},
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "mapped"), list(MAPPED.values()), ids=list(MAPPED))
def test_what_meta_is_sent(changes: dict[str, Any], mapped: dict[str, Any]) -> None:
    """Method, address, headers and body, whole."""
    request = META.full([full_event(ids=dict(IDS), **changes)])
    assert (request.method, request.url, request.query, request.headers) == ("POST", URL, [], {})
    assert request.body == {"data": [mapped]}


@pytest.mark.parametrize(
    ("ga4", "meta"),
    [
        ("page_view", "PageView"), ("view_item", "ViewContent"), ("view_item_list", "ViewContent"),
        ("search", "Search"), ("view_search_results", "Search"), ("add_to_cart", "AddToCart"),
        ("add_to_wishlist", "AddToWishlist"), ("begin_checkout", "InitiateCheckout"),
        ("add_payment_info", "AddPaymentInfo"), ("purchase", "Purchase"), ("generate_lead", "Lead"),
        ("sign_up", "CompleteRegistration"), ("video_start", "video_start"), ("Schedule", "Schedule"),
    ],
)  # fmt: skip
def test_names(ga4: str, meta: str) -> None:
    """GA4's names become Meta's standard events; any other stays as it is."""
    assert sent(META.full([full_event(name=ga4)]))[0]["event_name"] == meta


@pytest.mark.parametrize("missing", [{"url": None}, {"user_agent": ""}, {"url": "app://thanks"}])
def test_a_website_event_has_both_a_page_and_a_browser(missing: dict[str, Any]) -> None:
    """Meta demands both of website events, so what has not both is not said to be one."""
    assert sent(META.full([full_event(**missing)]))[0]["action_source"] == "other"


def test_a_batch_is_one_request_in_order() -> None:
    """At most 1000 events; all share the call."""
    events = [full_event(event_id=f"e-{number}") for number in range(3)]
    assert [one["event_id"] for one in sent(META.full(events))] == ["e-0", "e-1", "e-2"]
    assert META.batch.limit == 1000


def test_no_address_of_the_visitor_is_sent() -> None:
    """Ours is truncated, and Meta would take it for the visitor's own."""
    assert "203.0.113.0" not in str(META.full([full_event(address="203.0.113.0")]).body)


def test_settings_change_the_request() -> None:
    """Version and test code are the site's; the proof of the app's secret is Meta's HMAC (vector: its own SDK's)."""
    meta = Meta.build(
        {
            "dataset_id": "42",
            "access_token": "token",
            "api_version": "v25.0",
            "test_event_code": "TEST123",
            "app_secret": "app-secret",
        }
    )
    request = meta.full([full_event()])
    assert request.url == "https://graph.facebook.com/v25.0/42/events"
    assert isinstance(request.body, dict)
    assert request.body["test_event_code"] == "TEST123"
    assert (
        request.body["appsecret_proof"] == "4b062935fec529e51d39e89ee371a452c231b1e0c5549ac72d83fc4f3a0b0471"
    )
    assert meta.auth == BodyAuth("access_token", Secret("token"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"dataset_id": "12a"},
        {"dataset_id": ""},
        {"api_version": "26.0"},
        {"api_version": "v26.0/1/../"},
        {"access_token": ""},
        {"test_event_code": "TEST 1"},
    ],
)
def test_settings_that_meta_could_not_take_are_refused(wrong: dict[str, str]) -> None:
    """A mistake in the configuration shows at its check, not as refused events."""
    with pytest.raises(ValidationError):
        Meta.build({**STANZAS["meta"], **wrong})


# --- who it was -----------------------------------------------------------------------------------------------------

DERIVED = bytes(range(16))
EXTERNAL_ID = "d65df89f702eec58ca3c7bf2001c9ffc7cd80553ae01d42a799ba26756142d96"  # SHA-256 of 000102…0f

# title: (cookies, click id, fbp, fbc)
IDENTIFIED: dict[str, tuple[dict[str, str], str | None, str | None, str | None]] = {
    "nothing of Meta's": ({}, None, None, None),
    "the Pixel's cookies": ({"_fbp": FBP, "_fbc": "fb.1.5.Abc-_1"}, None, FBP, "fb.1.5.Abc-_1"),
    "with the parameter builder's appendix": (
        {"_fbp": FBP + ".AQICAQMC", "_fbc": "fb.1.5.Abc.Bg"},
        None,
        FBP + ".AQICAQMC",
        "fb.1.5.Abc.Bg",
    ),
    "a click without cookies": ({}, "IwAR0-x_Y", None, f"fb.1.{NOW_MS}.IwAR0-x_Y"),
    "the click that the cookie knows": ({"_fbc": "fb.1.5.Abc"}, "Abc", None, "fb.1.5.Abc"),
    "a newer click": ({"_fbc": "fb.1.5.Abc"}, "abc", None, f"fb.1.{NOW_MS}.abc"),
    "a click id that is none": ({"_fbc": "fb.1.5.Abc"}, "a b\r\nSet-Cookie: x", None, "fb.1.5.Abc"),
    "cookies that are none": ({"_fbp": "fb.1.x.y", "_fbc": "<script>"}, None, None, None),
    "a cookie with a line break": ({"_fbp": FBP + "\n"}, None, None, None),
    "digits of another script": ({"_fbp": "fb.1.١٢٣.4"}, None, None, None),
}


@pytest.mark.parametrize(
    ("cookies", "click_id", "fbp", "fbc"), list(IDENTIFIED.values()), ids=list(IDENTIFIED)
)
def test_identify(cookies: dict[str, str], click_id: str | None, fbp: str | None, fbc: str | None) -> None:
    """Meta's own cookies if they are in its form, the newest click, and our derivative for Meta alone."""
    trace = trace_for(META, cookies=cookies, click_ids={} if click_id is None else {"fbclid": click_id})
    expected = {"external_id": EXTERNAL_ID, "fbp": fbp, "fbc": fbc}
    assert META.identify(trace, ALL_GRANTED) == {
        key: value for key, value in expected.items() if value is not None
    }


SHORT_OF_ONE = [
    Signals(Value.GRANTED, Value.DENIED, Value.GRANTED, Value.GRANTED),
    Signals(Value.GRANTED, Value.GRANTED, Value.UNKNOWN, Value.GRANTED),
    Signals(Value.GRANTED, Value.GRANTED, Value.GRANTED, Value.DENIED),
    ALL_DENIED,
]


@pytest.mark.parametrize("signals", SHORT_OF_ONE)
def test_without_all_ad_signals_nobody_is_identified(signals: Signals) -> None:
    """No id, no hash, no click id in a URL."""
    assert META.identify(trace_for(META), signals) == {}
    assert META.contact(UserData(email="kari@example.no"), signals) == {}
    assert META.keeps_click_ids(signals) == frozenset()


def test_statistics_are_none_of_metas_needs() -> None:
    """The three ad signals are enough."""
    signals = Signals(Value.DENIED, Value.GRANTED, Value.GRANTED, Value.GRANTED)
    assert set(META.identify(trace_for(META), signals)) == {"external_id", "fbp", "fbc"}
    assert META.keeps_click_ids(signals) == {"fbclid"}


# title: (contact data, Meta's keys)
CONTACT: dict[str, tuple[UserData, dict[str, str]]] = {
    "e-mail": (UserData(email=" John_Smith@Gmail.com "), {"em": EM}),
    "phone": (
        UserData(phone="+1 (650) 555-1212"),
        {"ph": "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"},
    ),
    "phone with a national zero": (
        UserData(phone="+41 (0)79 123 45 67"),
        {"ph": "641b2674c7b3d41f0c5167c163c845f3d899639ebc622d0d3b4632abeb14e6b0"},
    ),
    "first name": (UserData(first_name="Mary"), {"fn": "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec"}),
    "first name with a diacritic": (
        UserData(first_name="Valéry"),
        {"fn": "08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c"},
    ),
    "last name of another script": (
        UserData(last_name="정"),
        {"ln": "8fa8cd9c440be61d0151429310034083132b35975c4bea67fdd74158eb51db14"},
    ),
    "city": (UserData(city="New York"), {"ct": "350c754ba4d38897693aa077ef43072a859d23f613443133fecbbd90a3512ca5"}),
    "ZIP code": (
        UserData(postal_code="94035-1234", country="US"),
        {
            "zp": "1794327a4d443904421f5ca1f3d72d0a62ba2f0770d80755ec2220fc0efb052e",
            "country": "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621",
        },
    ),
    "country": (UserData(country="CH"), {"country": "343677762813eaeb65704cc8d9e96f7a444ba0cca92ff861af7f68648b3e6ef1"}),
    "hashed by the site": (UserData(email=EM.upper(), phone=f" {EM}"), {"em": EM, "ph": EM}),
    "an MD5 is no hash that Meta takes": (UserData(email="d41d8cd98f00b204e9800998ecf8427e"), {}),
    "nothing usable": (UserData(email="n/a", phone="912 34 567", first_name="-", country="Norge"), {}),
}  # fmt: skip


@pytest.mark.parametrize(("user_data", "hashes"), list(CONTACT.values()), ids=list(CONTACT))
def test_contact(user_data: UserData, hashes: dict[str, str]) -> None:
    """Meta's own normal forms, against the hashes that Meta documents."""
    assert META.contact(user_data, ALL_GRANTED) == hashes


@settings(max_examples=200, deadline=None)
@given(
    st.fixed_dictionaries(
        {key: st.text(max_size=30) for key in ("email", "phone", "last_name", "postal_code")}
    )
)
def test_contact_is_hashes_whatever_is_written(written: dict[str, str]) -> None:
    """Nothing passes through in the clear."""
    hashes = META.contact(UserData(**written), ALL_GRANTED)
    assert all(re.fullmatch(r"[0-9a-f]{64}", value) for value in hashes.values())


def test_an_event_needs_more_than_a_user_agent() -> None:
    """Meta refuses such events (2804050), so they are not sent at all."""
    assert not META.identified(full_event())
    assert not META.identified(full_event(contact={"ct": EM, "country": EM}))
    assert META.identified(full_event(contact={"ph": EM}))
    assert META.identified(full_event_for(META))


@pytest.mark.parametrize(
    ("changes", "fine"),
    [
        ({}, True),
        ({"value": 0.0}, True),
        ({"value": None}, False),
        ({"value": -1.0}, False),
        ({"currency": None}, False),
        ({"name": "Purchase", "currency": None}, False),
        ({"name": "add_to_cart", "value": None, "currency": None}, True),
    ],
)
def test_a_purchase_needs_value_and_currency(changes: dict[str, Any], fine: bool) -> None:
    """Meta would refuse the whole batch for it (2804009)."""
    problem = META.problem(full_event(**changes))
    assert (problem is None) is fine
    assert fine or "2804009" in str(problem)
