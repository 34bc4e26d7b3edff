"""Google's Measurement Protocol: what an event becomes, and a person's contact data."""

import pytest

from proxy.parse import NEWEST_MS, OLDEST_MS
from proxy.reasons import Invalid
from proxy.signals import ALL_UNKNOWN, Signals
from tests.support.mp_messages import (
    CLIENT,
    DENIED,
    EMAIL_HASH,
    EMPTY_HASH,
    GRANTED,
    NOW,
    PHONE_HASH,
    PURCHASE,
    STREAM,
    UNKNOWN,
    Json,
    body,
    one,
    read,
    refused,
    remarks,
    with_params,
)


class TestWhatAnEventBecomes:
    def test_googles_own_sample(self) -> None:
        """Everything in it has its place in an event of ours, and nothing is found wrong with it."""
        message = read(
            {
                "client_id": CLIENT,
                "timestamp_micros": (NOW - 60_000) * 1000,
                "consent": {"ad_user_data": "GRANTED", "ad_personalization": "DENIED"},
                "user_location": {"country_id": "DE", "region_id": "DE-BE"},
                "user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
                "events": [
                    {
                        "name": "purchase",
                        "params": {
                            "session_id": "1795341000",
                            "engagement_time_msec": 100,
                            "transaction_id": "T-1",
                            "currency": "EUR",
                            "value": 49.9,
                            "items": [
                                {"item_id": "SKU1", "item_name": "Shirt", "price": 24.95, "quantity": 2}
                            ],
                        },
                    }
                ],
            }
        )
        assert message.findings.found == []
        (event,) = message.events
        assert (event.name, event.event_id, event.minted) == ("purchase", "minted-id", True)
        assert event.time_ms == NOW - 60_000
        assert (event.client_id, event.session_id, event.stream) == (CLIENT, "1795341000", STREAM)
        assert (event.value, event.currency, event.transaction_id) == (49.9, "EUR", "T-1")
        assert event.items == [{"item_id": "SKU1", "item_name": "Shirt", "price": 24.95, "quantity": 2}]
        assert event.params == {"engagement_time_msec": 100}
        assert event.consent == Signals.of(UNKNOWN, UNKNOWN, GRANTED, DENIED)
        around = message.shared.around
        assert (around.country, around.region) == ("DE", "DE-BE")
        assert around.user_agent == "Mozilla/5.0 (X11; Linux x86_64)"

    def test_parameters_of_the_page_and_our_own(self) -> None:
        message = with_params(
            page_location="https://shop.example/thanks?utm_source=news",
            page_referrer="https://search.example/",
            page_title="Thanks",
            event_id="order-77",
            debug_mode=True,
            method="email",
        )
        (event,) = message.events
        assert event.url == "https://shop.example/thanks?utm_source=news"
        assert (event.referrer, event.title) == ("https://search.example/", "Thanks")
        assert (event.event_id, event.minted) == ("order-77", False)
        assert event.params == {"debug_mode": True, "method": "email"}
        assert remarks(message) == []

    def test_what_stands_in_the_body_goes_to_each_event(self) -> None:
        message = read(
            body(
                {"name": "login"},
                {"name": "search", "params": {"search_term": "genser"}},
                user_id="user-1",
                visitor="A" * 22,
                ids={"gclid": "x1"},
                user_properties={"member": {"value": "gold"}, "visits": {"value": 7}},
                user_data={"email": "kari@example.no"},
                device={"language": "nb-NO", "screen_resolution": "1280x2856", "category": "mobile"},
            )
        )
        assert [event.name for event in message.events] == ["login", "search"]
        for event in message.events:
            assert (event.user_id, event.visitor, event.ids) == ("user-1", "A" * 22, {"gclid": "x1"})
            assert event.user_properties == {"member": "gold", "visits": 7}
            assert event.user_data is not None
            assert event.user_data.email == "kari@example.no"
            assert (event.language, event.screen) == ("nb-NO", "1280x2856")

    @pytest.mark.parametrize(
        ("written", "client_id"),
        [
            ("GA1.2.1254136630.1795000000", "1254136630.1795000000"),
            ("GA1.1-2.1254136630.1795000000", "1254136630.1795000000"),
            ("1254136630.1795000000", "1254136630.1795000000"),
            ("f47ac10b-58cc-4372-a567-0e02b2c3d479", "f47ac10b-58cc-4372-a567-0e02b2c3d479"),
            ("555", "555"),
        ],
    )
    def test_a_client_is_named_by_the_cookie_or_by_its_own_id(self, written: str, client_id: str) -> None:
        assert one(client_id=written).client_id == client_id

    @pytest.mark.parametrize(
        ("written", "session_id"),
        [
            ("1795341000", "1795341000"),
            (1795341001, "1795341001"),
            ("GS1.1.1795341000.3.1.1795341500.60.0.0", "1795341000"),
            ("GS2.1.s1795341000$o3$g1$t1795341500$j60$l0$h0", "1795341000"),
            ("", None),
            (None, None),
        ],
    )
    def test_a_session_is_named_by_its_number_or_by_the_cookie(
        self, written: Json, session_id: str | None
    ) -> None:
        (event,) = with_params(session_id=written).events
        assert event.session_id == session_id

    def test_the_client_may_be_left_out_beside_a_visitor(self) -> None:
        """Who runs our loader and no gtag knows no client id; Google then gets one derived from the visitor."""
        message = read({"visitor": "A" * 22, "events": [PURCHASE]})
        (event,) = message.events
        assert (event.client_id, event.visitor) == (None, "A" * 22)

    @pytest.mark.parametrize(
        ("stated", "signals"),
        [
            ({}, ALL_UNKNOWN),
            ({"consent": {}}, ALL_UNKNOWN),
            (
                {"consent": {"ad_user_data": "granted", "ad_storage": "Denied"}},
                Signals.of(UNKNOWN, DENIED, GRANTED, UNKNOWN),
            ),
            ({"consent": {"analytics_storage": "GRANTED"}}, Signals.of(GRANTED, UNKNOWN, UNKNOWN, UNKNOWN)),
            ({"non_personalized_ads": True}, Signals.of(UNKNOWN, UNKNOWN, UNKNOWN, DENIED)),
            ({"non_personalized_ads": False}, ALL_UNKNOWN),
            (
                {"non_personalized_ads": True, "consent": {"ad_personalization": "GRANTED"}},
                Signals.of(UNKNOWN, UNKNOWN, UNKNOWN, DENIED),
            ),
        ],
    )
    def test_consent_is_googles_two_signals_or_all_four(
        self, stated: dict[str, Json], signals: Signals
    ) -> None:
        assert one(**stated).consent == signals

    def test_a_consent_string_may_stand_beside_the_signals(self) -> None:
        assert one(consent={"gcs": "G111", "ad_storage": "DENIED"}).strings == {"gcs": "G111"}

    @pytest.mark.parametrize(
        ("stated", "ms"),
        [
            ({"timestamp_micros": NOW * 1000 - 5_000_999}, NOW - 5001),
            ({"timestamp_micros": str((NOW - 5000) * 1000)}, NOW - 5000),
            ({"timestamp_micros": float((NOW - 5000) * 1000)}, NOW - 5000),
            ({"timestamp_micros": (NOW - OLDEST_MS) * 1000}, NOW - OLDEST_MS),
            ({"timestamp_micros": (NOW + NEWEST_MS) * 1000}, NOW),
            ({}, NOW),
        ],
    )
    def test_times_are_in_microseconds(self, stated: dict[str, Json], ms: int) -> None:
        """And none that is ahead, within what a clock may be wrong, is told to a vendor."""
        assert one(**stated).time_ms == ms
        (event,) = read(body({"name": "login", **stated})).events
        assert event.time_ms == ms

    def test_an_event_may_have_a_time_of_its_own(self) -> None:
        early, late = (NOW - 9000) * 1000, (NOW - 1000) * 1000
        message = read(
            body({"name": "login", "timestamp_micros": early}, {"name": "login"}, timestamp_micros=late)
        )
        assert [event.time_ms for event in message.events] == [NOW - 9000, NOW - 1000]

    @pytest.mark.parametrize(
        ("written", "kept"),
        [("81.2.69.142", "81.2.69.0"), ("2a02:fe1:418:1d::7", "2a02:fe1:418::"), (None, None), ("", None)],
    )
    def test_of_an_address_nothing_is_kept_but_its_network(
        self, written: str | None, kept: str | None
    ) -> None:
        message = read(body(ip_override=written))
        assert message.shared.around.address == kept
        assert written is None or not written or written not in repr(message.events)

    def test_a_region_tells_the_country(self) -> None:
        around = read(body(user_location={"region_id": "no-03", "city": "Oslo"})).shared.around
        assert (around.country, around.region) == ("NO", "NO-03")


class TestContactData:
    def test_what_google_hashed_is_kept_apart_from_what_is_plain(self) -> None:
        known = one(
            user_data={
                "sha256_email_address": [EMAIL_HASH.upper()],
                "sha256_phone_number": PHONE_HASH,
                "address": [{"sha256_first_name": EMAIL_HASH, "city": "Oslo", "country": "NO"}],
            }
        ).user_data
        assert known is not None
        assert (known.google_email, known.google_phone) == (EMAIL_HASH, PHONE_HASH)
        assert (known.email, known.phone, known.first_name) == ("", "", "")
        assert (known.city, known.country) == ("Oslo", "NO")
        assert EMAIL_HASH not in repr(known)

    def test_plain_data_in_our_names_and_in_gtags(self) -> None:
        known = one(
            user_data={
                "email": "kari@example.no",
                "phone_number": "+4791234567",
                "address": {"first_name": "Kari", "postal_code": "0150"},
            }
        ).user_data
        assert known is not None
        assert (known.email, known.phone) == ("kari@example.no", "+4791234567")
        assert (known.first_name, known.postal_code) == ("Kari", "0150")

    @pytest.mark.parametrize("written", [EMPTY_HASH, [EMPTY_HASH], [EMPTY_HASH.upper(), ""]])
    def test_the_hash_of_nothing_is_everybodys_and_not_used(self, written: Json) -> None:
        message = read(body(user_data={"sha256_email_address": written}))
        (event,) = message.events
        assert event.user_data is None
        assert "empty" in remarks(message)[0]

    @pytest.mark.parametrize(
        ("user_data", "place", "reason"),
        [
            ({"sha256_email_address": ["kari@example.no"]}, "user_data.sha256_email_address", Invalid.TYPE),
            ({"sha256_phone_number": [PHONE_HASH[:-1]]}, "user_data.sha256_phone_number", Invalid.TYPE),
            ({"sha256_phone_number": [7]}, "user_data.sha256_phone_number", Invalid.TYPE),
            (
                {"sha256_phone_number": [PHONE_HASH] * 4},
                "user_data.sha256_phone_number",
                Invalid.TOO_MANY,
            ),
            ({"email": 7}, "user_data.email", Invalid.TYPE),
            ({"email": "x" * 300}, "user_data.email", Invalid.TOO_LARGE),
            ({"address": "Karl Johans gate 1"}, "user_data.address", Invalid.TYPE),
            ({"address": [{}, {}, {}]}, "user_data.address", Invalid.TOO_MANY),
            ("kari@example.no", "user_data", Invalid.TYPE),
        ],
    )
    def test_what_cannot_be_one_is_refused(self, user_data: Json, place: str, reason: Invalid) -> None:
        finding = refused(read(body(user_data=user_data)))
        assert (finding.place, finding.reason) == (place, reason)
        assert "kari" not in finding.detail
