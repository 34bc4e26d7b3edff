"""Google's Measurement Protocol: what is refused and why, and what is only remarked on."""

import pytest

from proxy.measurement import MAX_EVENTS
from proxy.parse import NEWEST_MS, OLDEST_MS
from proxy.reasons import Invalid
from tests.support.mp_messages import (
    EMAIL_HASH,
    ITEMS,
    NOW,
    PHONE_HASH,
    PURCHASE,
    STREAM,
    Json,
    body,
    read,
    refused,
    remarks,
    with_params,
)

REFUSED: list[tuple[dict[str, Json], str, Invalid, str]] = [
    ({"client_id": None}, "client_id", Invalid.MISSING, "VALUE_REQUIRED"),
    ({"client_id": ""}, "client_id", Invalid.MISSING, "VALUE_REQUIRED"),
    ({"client_id": 957607842.1772467665}, "client_id", Invalid.TYPE, "VALUE_INVALID"),
    ({"client_id": "kari@example.no"}, "client_id", Invalid.TYPE, "VALUE_INVALID"),
    ({"client_id": "+4791234567"}, "client_id", Invalid.TYPE, "VALUE_INVALID"),
    ({"client_id": "81.2.69.142"}, "client_id", Invalid.TYPE, "VALUE_INVALID"),
    ({"client_id": "a b"}, "client_id", Invalid.TYPE, "VALUE_INVALID"),
    ({"client_id": "x" * 129}, "client_id", Invalid.TYPE, "VALUE_INVALID"),
    ({"app_instance_id": "A" * 32}, "", Invalid.STREAM, "VALUE_INVALID"),
    ({"user_id": 5}, "user_id", Invalid.TYPE, "VALUE_INVALID"),
    ({"user_id": "u" * 257}, "user_id", Invalid.TOO_LARGE, "VALUE_OUT_OF_BOUNDS"),
    ({"visitor": 5}, "visitor", Invalid.TYPE, "VALUE_INVALID"),
    ({"ids": ["gclid"]}, "ids", Invalid.TYPE, "VALUE_INVALID"),
    ({"ids": {"gclid": 5}}, "ids", Invalid.TYPE, "VALUE_INVALID"),
    ({"consent": "GRANTED"}, "consent", Invalid.TYPE, "VALUE_INVALID"),
    ({"consent": {"ad_user_data": "yes"}}, "consent.ad_user_data", Invalid.TYPE, "VALUE_INVALID"),
    ({"consent": {"ad_user_data": True}}, "consent.ad_user_data", Invalid.TYPE, "VALUE_INVALID"),
    ({"consent": {"ads": "GRANTED"}}, "consent", Invalid.TYPE, "VALUE_INVALID"),
    ({"consent": {"gcs": 5}}, "consent.gcs", Invalid.TYPE, "VALUE_INVALID"),
    ({"non_personalized_ads": "true"}, "non_personalized_ads", Invalid.TYPE, "VALUE_INVALID"),
    ({"timestamp_micros": "now"}, "timestamp_micros", Invalid.TIMESTAMP, "VALUE_INVALID"),
    ({"timestamp_micros": NOW}, "timestamp_micros", Invalid.TIMESTAMP, "VALUE_OUT_OF_BOUNDS"),
    ({"timestamp_micros": NOW // 1000}, "timestamp_micros", Invalid.TIMESTAMP, "VALUE_OUT_OF_BOUNDS"),
    (
        {"timestamp_micros": (NOW - OLDEST_MS - 1) * 1000},
        "timestamp_micros",
        Invalid.TIMESTAMP,
        "VALUE_OUT_OF_BOUNDS",
    ),
    (
        {"timestamp_micros": (NOW + NEWEST_MS + 1) * 1000},
        "timestamp_micros",
        Invalid.TIMESTAMP,
        "VALUE_OUT_OF_BOUNDS",
    ),
    ({"ip_override": "localhost"}, "ip_override", Invalid.TYPE, "VALUE_INVALID"),
    ({"ip_override": "81.2.69.142, 10.0.0.1"}, "ip_override", Invalid.TYPE, "VALUE_INVALID"),
    ({"user_location": "NO"}, "user_location", Invalid.TYPE, "VALUE_INVALID"),
    ({"user_location": {"country_id": "Norway"}}, "user_location.country_id", Invalid.TYPE, "VALUE_INVALID"),
    ({"user_location": {"region_id": "Oslo"}}, "user_location.region_id", Invalid.TYPE, "VALUE_INVALID"),
    (
        {"user_location": {"country_id": "SE", "region_id": "NO-03"}},
        "user_location.region_id",
        Invalid.TYPE,
        "VALUE_INVALID",
    ),
    ({"device": "mobile"}, "device", Invalid.TYPE, "VALUE_INVALID"),
    ({"device": {"language": 5}}, "device.language", Invalid.TYPE, "VALUE_INVALID"),
    ({"device": {"screen_resolution": "big"}}, "device.screen_resolution", Invalid.TYPE, "VALUE_INVALID"),
    ({"user_agent": 5}, "user_agent", Invalid.TYPE, "VALUE_INVALID"),
    ({"user_properties": []}, "user_properties", Invalid.TYPE, "VALUE_INVALID"),
    ({"user_properties": {"member": "gold"}}, "user_properties", Invalid.TYPE, "VALUE_INVALID"),
    (
        {"user_properties": {f"p{n}": {"value": 1} for n in range(26)}},
        "user_properties",
        Invalid.TOO_MANY,
        "EXCEEDED_MAX_ENTITIES",
    ),
    ({"user_properties": {"user_id": {"value": 1}}}, "user_properties", Invalid.NAME, "NAME_RESERVED"),
    ({"user_properties": {"ga_x": {"value": 1}}}, "user_properties", Invalid.NAME, "NAME_RESERVED"),
    ({"user_properties": {"x" * 25: {"value": 1}}}, "user_properties", Invalid.NAME, "NAME_INVALID"),
    ({"validation_behavior": "STRICT"}, "validation_behavior", Invalid.TYPE, "VALUE_INVALID"),
    ({"events": None}, "events", Invalid.MISSING, "VALUE_REQUIRED"),
    ({"events": []}, "events", Invalid.MISSING, "VALUE_REQUIRED"),
    ({"events": PURCHASE}, "events", Invalid.TYPE, "VALUE_INVALID"),
    ({"events": [PURCHASE] * 26}, "events", Invalid.TOO_MANY, "EXCEEDED_MAX_ENTITIES"),
]


class TestWhatCostsTheWholeRequest:
    @pytest.mark.parametrize(("keys", "place", "reason", "code"), REFUSED)
    def test_it_is_said_where_and_what_is_allowed(
        self, keys: dict[str, Json], place: str, reason: Invalid, code: str
    ) -> None:
        finding = refused(read(body(**keys)))
        assert (finding.place, finding.reason, finding.code) == (place, reason, code)
        assert finding.path == place
        assert finding.detail

    @pytest.mark.parametrize("raw", [None, [], "x", 5, True, [{"name": "login"}]])
    def test_a_body_is_an_object(self, raw: Json) -> None:
        assert refused(read(raw)).reason is Invalid.TYPE

    def test_what_a_unit_was_taken_for_is_told(self) -> None:
        assert "milliseconds" in refused(read(body(timestamp_micros=NOW))).detail
        assert "like seconds" in refused(read(body(timestamp_micros=NOW // 1000))).detail

    def test_as_many_events_as_google_takes(self) -> None:
        assert len(read(body(*[PURCHASE] * MAX_EVENTS)).events) == MAX_EVENTS

    @pytest.mark.parametrize(
        ("measurement_id", "streams", "reason"),
        [
            ("G-OTHER", (STREAM,), Invalid.STREAM),
            ("g-shop0001", (STREAM,), Invalid.STREAM),
            ("G-OTHER", (), Invalid.STREAM),
            (None, (STREAM, "G-SHOP0002"), Invalid.MISSING),
            ("", (STREAM, "G-SHOP0002"), Invalid.MISSING),
        ],
    )
    def test_the_stream_is_one_of_the_sites(
        self, measurement_id: str | None, streams: tuple[str, ...], reason: Invalid
    ) -> None:
        """What the site has is said, what was asked for is not."""
        finding = refused(read(body(), measurement_id, streams))
        assert (finding.place, finding.reason) == ("measurement_id", reason)
        assert all(stream in finding.detail for stream in streams)
        assert "OTHER" not in finding.detail

    @pytest.mark.parametrize("streams", [(), (STREAM,)])
    def test_where_there_is_no_choice_it_need_not_be_named(self, streams: tuple[str, ...]) -> None:
        (event,) = read(body(), None, streams).events
        assert event.stream is None


BAD_EVENTS: list[tuple[Json, str, Invalid, str]] = [
    (5, "events", Invalid.TYPE, "VALUE_INVALID"),
    ({}, "events", Invalid.NAME, "VALUE_REQUIRED"),
    ({"name": "_x"}, "events", Invalid.NAME, "NAME_INVALID"),
    ({"name": "sign up"}, "events", Invalid.NAME, "NAME_INVALID"),
    ({"name": "x" * 41}, "events", Invalid.NAME, "NAME_INVALID"),
    ({"name": 5}, "events", Invalid.NAME, "NAME_INVALID"),
    ({"name": "session_start"}, "events", Invalid.NAME, "NAME_RESERVED"),
    ({"name": "in_app_purchase"}, "events", Invalid.NAME, "NAME_RESERVED"),
    ({"name": "ga_event"}, "events", Invalid.NAME, "NAME_RESERVED"),
    ({"name": "x", "params": []}, "events[1].params", Invalid.TYPE, "VALUE_INVALID"),
    (
        {"name": "x", "params": {f"p{n}": 1 for n in range(26)}},
        "events[1].params",
        Invalid.TOO_MANY,
        "EXCEEDED_MAX_ENTITIES",
    ),
    ({"name": "x", "params": {"firebase_x": 1}}, "events[1].params", Invalid.NAME, "NAME_RESERVED"),
    ({"name": "x", "params": {"gtag.x": 1}}, "events[1].params", Invalid.NAME, "NAME_RESERVED"),
    ({"name": "x", "params": {"_x": 1}}, "events[1].params", Invalid.NAME, "NAME_RESERVED"),
    ({"name": "x", "params": {"kari@example.no": 1}}, "events[1].params", Invalid.NAME, "NAME_INVALID"),
    ({"name": "x", "params": {"a": {"b": 1}}}, "events[1].params", Invalid.TYPE, "VALUE_INVALID"),
    (
        {"name": "x", "params": {"a": "b" * 5000}},
        "events[1].params",
        Invalid.TOO_LARGE,
        "VALUE_OUT_OF_BOUNDS",
    ),
    ({"name": "x", "params": {"value": "much"}}, "events[1].params.value", Invalid.TYPE, "VALUE_INVALID"),
    ({"name": "x", "params": {"value": True}}, "events[1].params.value", Invalid.TYPE, "VALUE_INVALID"),
    ({"name": "x", "params": {"currency": "kr"}}, "events[1].params.currency", Invalid.TYPE, "VALUE_INVALID"),
    ({"name": "x", "params": {"items": {}}}, "events[1].params.items", Invalid.TYPE, "VALUE_INVALID"),
    ({"name": "x", "params": {"items": ["SKU1"]}}, "events[1].params.items", Invalid.TYPE, "VALUE_INVALID"),
    (
        {"name": "x", "params": {"transaction_id": "T" * 129}},
        "events[1].params.transaction_id",
        Invalid.TOO_LARGE,
        "VALUE_OUT_OF_BOUNDS",
    ),
    (
        {"name": "x", "params": {"session_id": True}},
        "events[1].params.session_id",
        Invalid.TYPE,
        "VALUE_INVALID",
    ),
    (
        {"name": "x", "params": {"page_location": 5}},
        "events[1].params.page_location",
        Invalid.TYPE,
        "VALUE_INVALID",
    ),
    (
        {"name": "x", "params": {"page_title": "x" * 5000}},
        "events[1].params.page_title",
        Invalid.TOO_LARGE,
        "VALUE_OUT_OF_BOUNDS",
    ),
    ({"name": "x", "params": {"event_id": 5}}, "events[1].event_id", Invalid.TYPE, "VALUE_INVALID"),
    (
        {"name": "x", "timestamp_micros": NOW},
        "events[1].timestamp_micros",
        Invalid.TIMESTAMP,
        "VALUE_OUT_OF_BOUNDS",
    ),
    (
        {"name": "x", "timestamp_micros": True},
        "events[1].timestamp_micros",
        Invalid.TIMESTAMP,
        "VALUE_INVALID",
    ),
]


class TestWhatCostsOneEvent:
    @pytest.mark.parametrize(("raw", "path", "reason", "code"), BAD_EVENTS)
    def test_the_others_are_taken(self, raw: Json, path: str, reason: Invalid, code: str) -> None:
        message = read(body({"name": "login"}, raw, PURCHASE))
        assert message.refused is None
        assert [event.name for event in message.events] == ["login", "purchase"]
        (finding,) = message.invalid
        assert (finding.index, finding.path, finding.reason, finding.code) == (1, path, reason, code)
        assert "kari" not in finding.detail

    def test_each_has_one_reason_and_the_debug_route_all_of_them(self) -> None:
        raw = {"name": "session_start", "timestamp_micros": "now", "params": {"_a": 1, "_b": 2}}
        message = read(body(raw))
        assert [finding.index for finding in message.invalid] == [0]
        assert [finding.code for finding in message.findings.found] == [
            "NAME_RESERVED",
            "VALUE_INVALID",
            "NAME_RESERVED",
            "NAME_RESERVED",
        ]

    def test_twenty_five_parameters_and_an_event_id(self) -> None:
        params = {f"p{number}": number for number in range(25)}
        message = with_params(**params, event_id="order-77")
        assert remarks(message) == []
        assert message.events[0].params == params


REMARKED: list[tuple[Json, str]] = [
    (
        {"name": "purchase", "params": {"value": 5, "currency": "NOK", "items": ITEMS}},
        "params.transaction_id",
    ),
    (
        {"name": "purchase", "params": {"value": 5, "transaction_id": "", "currency": "NOK", "items": ITEMS}},
        "params.transaction_id",
    ),
    ({"name": "generate_lead", "params": {"value": 5}}, "params.currency"),
    ({"name": "sign_up", "params": {"value": 5}}, "params.currency"),
    ({"name": "search"}, "params.search_term"),
    ({"name": "view_item_list", "params": {"items": []}}, "params.items"),
    ({"name": "select_item", "params": {"items": [{"price": 5}]}}, "params.items[0]"),
    (
        {"name": "select_item", "params": {"items": [{"item_id": "a", **{f"x{n}": 1 for n in range(28)}}]}},
        "params.items[0]",
    ),
    ({"name": "select_item", "params": {"items": [{"item_id": "a" * 101}]}}, "params.items[0]"),
    ({"name": "login", "params": {"method": "m" * 101}}, "params"),
    ({"name": "login", "params": {"page_title": "m" * 301}}, "params.page_title"),
    ({"name": "login", "params": {"session_id": "abc"}}, "params.session_id"),
    ({"name": "login", "event_id": "a"}, ""),
]


class TestRemarks:
    @pytest.mark.parametrize(("raw", "place"), REMARKED)
    def test_what_google_would_miss_or_cut_costs_nothing(self, raw: Json, place: str) -> None:
        """Unless the sender wants it so, as with Google."""
        message = read(body(raw))
        assert message.invalid == []
        assert len(message.events) == 1
        assert [finding.place for finding in message.findings.found] == [place]
        enforced = read(body(raw, validation_behavior="ENFORCE_RECOMMENDATIONS"))
        assert enforced.events == []
        assert [finding.index for finding in enforced.invalid] == [0]

    @pytest.mark.parametrize(
        ("keys", "place"),
        [
            ({"consents": {"ad_storage": "GRANTED"}}, ""),
            ({"visitor": "not-an-id"}, "visitor"),
            ({"user_location": {"country_id": "NO", "city": "Oslo"}}, "user_location"),
            ({"device": {"browser": "Firefox"}}, "device"),
            ({"user_properties": {"member": {"value": "x" * 37}}}, "user_properties"),
            ({"user_data": {"mail": "kari@example.no"}}, "user_data"),
            ({"user_data": {"address": {"sha256_street": EMAIL_HASH}}}, "user_data.address"),
            (
                {"user_data": {"sha256_email_address": [EMAIL_HASH, PHONE_HASH]}},
                "user_data.sha256_email_address",
            ),
        ],
    )
    def test_what_is_not_read_is_said(self, keys: dict[str, Json], place: str) -> None:
        message = read(body(**keys))
        assert [finding.place for finding in message.findings.found] == [place]
        assert len(message.events) == 1
        enforced = refused(read(body(**keys, validation_behavior="ENFORCE_RECOMMENDATIONS")))
        assert enforced.place == place

    def test_money_is_asked_for_only_where_it_is_money(self) -> None:
        params = {"value": 5, "virtual_currency_name": "gems"}
        assert remarks(read(body({"name": "spend_virtual_currency", "params": params}))) == []

    def test_there_is_an_end_to_them(self) -> None:
        items = [{"price": 1}] * 200
        message = read(body(*[{"name": "select_item", "params": {"items": items}}] * 25))
        assert len(message.events) == 25
        assert len(message.findings.found) <= 200
