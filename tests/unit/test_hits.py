"""What Google's own tag sends, read as events of ours."""

from base64 import urlsafe_b64encode
from hashlib import sha256
from urllib.parse import urlencode

import pytest

from forwarders._google_hit import HIT_KEYS
from proxy.hits import MAX_SIZE, event_of, read_hits
from proxy.parse import InvalidInputError
from proxy.reasons import Invalid
from proxy.signals import ALL_UNKNOWN
from tests.support.events import NOW_MS
from tests.support.hits import PURCHASE, STREAMS, event, hit_of


def refused(query: str, body: str = "") -> Invalid:
    """Return why the first hit of a request cannot be taken."""

    def take() -> None:
        for hit in read_hits(query, body)[0]:
            event_of(hit, STREAMS, now_ms=NOW_MS, mint_id="minted")

    with pytest.raises(InvalidInputError) as caught:
        take()
    return caught.value.reason


# --- events ---------------------------------------------------------------------------------------------------------


def test_a_purchase_becomes_an_event() -> None:
    """All that has a place in an event of ours goes there."""
    made = event()
    assert (made.name, made.event_id, made.minted, made.time_ms) == ("purchase", "minted", True, NOW_MS)
    assert (made.url, made.referrer) == (PURCHASE["dl"], "https://shop.example/cart")
    assert (made.title, made.language, made.screen) == ("Takk", "nb-no", "1920x1080")
    assert (made.value, made.currency, made.transaction_id) == (499.5, "NOK", "T-1")
    assert made.params == {"tax": 99.9, "shipping": 0, "coupon": "VÅR", "engagement_time_msec": 1234}
    assert made.items == [
        {
            "item_id": "SKU1",
            "item_name": "Genser ~ rød",
            "item_brand": "Acme",
            "price": 249.75,
            "quantity": 2,
            "index": 1,
            "colour": "red",
            "gift": "yes",
        }
    ]
    assert (made.user_id, made.user_properties) == ("u-1", {"tier": "gold", "visits": 7})
    assert (made.client_id, made.session_id) == ("957607842.1772467665", "1795340000")
    assert made.stream == "G-XXXXXXX"
    assert made.strings == {"gcs": "G111", "gcd": "13r3r3r2r5l1"}
    assert made.consent is ALL_UNKNOWN
    assert (made.visitor, made.user_agent, made.address, made.ids) == (None, None, None, {})


def test_only_known_parameters_of_the_tag_are_kept() -> None:
    """Those for the server container, opaque ones and empty ones stay behind, and so does what has a place elsewhere."""
    made = event()
    assert made.hit is not None
    assert made.hit.keys() == set(
        "v gtm _p uaa uab uafvl uamb uap uapv uaw frm _eu _s sct seg _c _et tfd gcd".split()
    )
    assert made.hit["uafvl"] == PURCHASE["uafvl"]
    assert made.hit.keys() <= HIT_KEYS


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("_p", "1795341599377", "1795341599377"),
        ("_p", "kari@shop.example", None),
        ("seg", "2", None),
        ("sct", "-1", None),
        ("gtm", "45je5b90v9123", "45je5b90v9123"),
        ("gtm", "x" * 101, None),
        ("_ss", "1", "1"),
        ("uam", "SM-G991B", "SM-G991B"),
        ("uam", "call +47 912 34 567", "call +[redacted]"),
        ("uafvl", "Samsung;28.0.0.59|Chromium;130.0.6723.86", "Samsung;28.0.0.0|Chromium;130.0.6723.86"),
        ("uafvl", "X;203.0.113.77", "X;203.0.113.0"),
        ("uafvl", "X;kari%40shop.example", None),
        ("uafvl", "X;2001%3Adb8%3A1%3A2%3A3%3A4%3A5%3A6", None),
        ("uapv", "15.0.0", "15.0.0"),
        ("cs", "newsletter", "newsletter"),
        ("cn", "to kari@shop.example", "to [redacted]"),
        ("em", f"tv.1~em.{'A' * 43}~pn0.{'b' * 43}", f"tv.1~em.{'A' * 43}~pn0.{'b' * 43}"),
        ("em", f"tv.1~em.{'A' * 43}~fn0.{'c' * 43}~pc0.0150~co0.NO", f"tv.1~em.{'A' * 43}"),
        ("em", f"tv.1~em.{'a1' * 32}", f"tv.1~em.{'a1' * 32}"),
        ("em", "tv.1~em.kari@shop.example", None),
        ("gcd", "13t3t3t2t5l1", "13t3t3t2t5l1"),
        ("gcd", "13r3r3r2r5", "13r3r3r2r5"),
        ("gcd", "13r3r3r2r5l1xyz", None),
        ("gcd", "1-r3r3r2r5l1", None),
        ("em", "tv.1~e0.", None),
        ("auid", "1122334455.1795000001", "1122334455.1795000001"),
        ("sst.gcd", "13r3r3r2r5l1", None),
        ("_fplc", "x", None),
        ("ur", "NO-03", None),
        ("whatever", "x", None),
    ],
)
def test_a_parameter_is_kept_in_its_own_shape_alone(name: str, value: str, kept: str | None) -> None:
    """What looks otherwise is not what the tag sends, and could be anything."""
    assert hit_of(**{name: value}).kept.get(name) == kept


_DIGEST = sha256(b"kari@shop.example")
_BASE64 = urlsafe_b64encode(_DIGEST.digest()).decode().rstrip("=")
_NOTHING = sha256(b"").hexdigest()


@pytest.mark.parametrize(
    ("em", "email", "phone"),
    [
        (f"tv.1~em.{_BASE64}", _DIGEST.hexdigest(), ""),
        (f"tv.1~em.{_DIGEST.hexdigest().upper()}", _DIGEST.hexdigest(), ""),
        (f"tv.1~pn0.{_BASE64}~em0.{_BASE64}~em1.{'A' * 43}", _DIGEST.hexdigest(), _DIGEST.hexdigest()),
        (f"tv.1~fn0.{_BASE64}~pc0.0150", None, None),
        (f"tv.1~em.{_NOTHING}~pn0.{_BASE64}", "", _DIGEST.hexdigest()),
        ("tv.1", None, None),
    ],
)
def test_hashes_of_contact_data_are_googles(em: str, email: str | None, phone: str | None) -> None:
    """In both spellings; that of an empty text is everybody's, and is nobody's address."""
    known = event(em=em).user_data
    assert (known and known.google_email, known and known.google_phone) == (email, phone)
    assert known is None or (known.email, known.phone) == ("", "")


def test_lines_of_a_body_are_events_of_their_own() -> None:
    """They share the query, override it, end in either way, and blank ones are none."""
    query = urlencode({"v": 2, "tid": "G-XXXXXXX", "cid": "1.2", "dl": "https://shop.example/", "_s": 5})
    body = "en=page_view&_et=10\r\n\r\nen=scroll&epn.percent_scrolled=90&dl=https%3A%2F%2Fshop.example%2Fb&_s=6\n  \n"
    hits, _ = read_hits(query, body)
    first, second = (event_of(hit, STREAMS, now_ms=NOW_MS, mint_id="m") for hit in hits)
    assert (first.name, first.url, first.params) == (
        "page_view",
        "https://shop.example/",
        {"engagement_time_msec": 10},
    )
    assert (second.name, second.url, second.params) == (
        "scroll",
        "https://shop.example/b",
        {"percent_scrolled": 90},
    )
    assert first.client_id == second.client_id == "1.2"
    assert first.hit is not None
    assert second.hit is not None
    assert (first.hit["_s"], second.hit["_s"]) == ("5", "6")


def test_promotion_fields_are_told_from_campaign_fields_by_the_event() -> None:
    """``cn`` and ``cs`` are used for both."""
    shown = event(en="select_promotion", cn="Banner", cs="top", pi="P1", pn="Winter", lo="home")
    assert shown.params.items() >= {
        ("creative_name", "Banner"),
        ("creative_slot", "top"),
        ("promotion_id", "P1"),
        ("promotion_name", "Winter"),
        ("location_id", "home"),
    }
    assert shown.hit is not None
    assert "cn" not in shown.hit
    view = event(en="page_view", cn="winter", cs="newsletter")
    assert "creative_name" not in view.params
    assert view.hit is not None
    assert (view.hit["cn"], view.hit["cs"]) == ("winter", "newsletter")


def test_items_come_in_the_order_of_their_numbers() -> None:
    """Gaps do not matter, more than 200 are not taken, and fields without a code are left out."""
    made = event(pr1=None, pr10="idC", pr2="idB~zzwhat", pr200="idD", pr201="idE", pr0="idF", prx="idG")
    assert [item["item_id"] for item in made.items] == ["B", "C", "D"]
    assert made.items[0] == {"item_id": "B"}


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("idA~~~nmB", {"item_id": "A~", "item_name": "B"}),
        ("idA~pr~qt", {"item_id": "A"}),
        ("idA~pr1e999", {"item_id": "A", "price": "1e999"}),
        ("idA~pr1_0", {"item_id": "A", "price": "1_0"}),
        ("idA~v0red~k0colour", {"item_id": "A"}),
        ("idA~k0price~v0odd~pr5", {"item_id": "A", "price": 5}),
        ("idA~pr.5~ds-1~lp00", {"item_id": "A", "price": 0.5, "discount": -1, "index": 0}),
    ],
)
def test_an_item_is_read_field_by_field(text: str, item: dict[str, object]) -> None:
    """Numbers as browsers write them, and no surprises from custom names."""
    assert event(pr1=text).items == [item]


def test_a_stated_event_id_is_the_events_own() -> None:
    """And no parameter beside it: so the loader's event and the tag's are one."""
    made = event(**{"ep.event_id": "order-1"})
    assert (made.event_id, made.minted) == ("order-1", False)
    assert "event_id" not in made.params


def test_one_event_for_two_streams_is_no_duplicate() -> None:
    """The tag reports it once for each; only the second one's id is told apart."""
    made = event(**{"ep.event_id": "order-1", "tid": "G-SECOND1"})
    assert (made.event_id, made.stream) == ("order-1.G-SECOND1", "G-SECOND1")
    assert len(event(**{"ep.event_id": "x" * 128, "tid": "G-SECOND1"}).event_id) <= 128


@pytest.mark.parametrize(
    ("cid", "client_id"),
    [
        ("957607842.1772467665", "957607842.1772467665"),
        ("GA1.1.957607842.1772467665", "957607842.1772467665"),
        ("kari@shop.example", None),
        ("0123456789012345", None),
        ("", None),
    ],
)
def test_a_client_id_is_taken_in_googles_own_form_alone(cid: str, client_id: str | None) -> None:
    """Anything else that a page calls one is not passed on."""
    assert event(cid=cid).client_id == client_id


@pytest.mark.parametrize(
    ("sid", "session"),
    [
        ("1795340000", "1795340000"),
        ("GS1.1.1795340000.3.1.1795341500.60.0.0", "1795340000"),
        ("GS2.1.o3$g1$s1795340000$t1795341500", "1795340000"),
        ("x", None),
    ],
)
def test_a_session_is_read_in_every_form_of_the_tags(sid: str, session: str | None) -> None:
    """Bare, or as a cookie of either format has it."""
    assert event(sid=sid).session_id == session


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"v": "1"}, Invalid.MALFORMED),
        ({"v": None}, Invalid.MALFORMED),
        ({"tid": "G-UNKNOWN"}, Invalid.STREAM),
        ({"tid": None}, Invalid.STREAM),
        ({"tid": "g-xxxxxxx"}, Invalid.STREAM),
        ({"en": None}, Invalid.NAME),
        ({"en": "no name"}, Invalid.NAME),
        ({"epn.value": "much"}, Invalid.TYPE),
        ({"dl": "https://shop.example/" + "x" * 5000}, Invalid.TOO_LARGE),
    ],
)
def test_what_cannot_be_taken_says_why(changes: dict[str, str | None], reason: Invalid) -> None:
    """By the words that ``/collect`` uses, and one for a stream that is not ours."""
    query = {key: value for key, value in {**PURCHASE, **changes}.items() if value is not None}
    assert refused(urlencode(query)) is reason


def test_a_request_is_bounded() -> None:
    """In events, in parameters, and in what shared parameters multiply to."""
    assert len(read_hits("v=2", "en=a\n" * 100)[0]) == 100
    assert refused("v=2", "en=a\n" * 101) is Invalid.TOO_MANY
    assert refused("&".join(f"a{n}=1" for n in range(500))) is Invalid.TOO_MANY
    assert refused("a=" + "x" * (MAX_SIZE // 50), "en=a\n" * 100) is Invalid.TOO_LARGE


def test_the_types_of_a_hit_are_those_of_an_event() -> None:
    """The raw form is what ``/collect`` would have been sent."""
    raw = hit_of().raw
    assert set(raw) == {"name", "page", "client", "params", "user_properties", "user_id", "consent"}
