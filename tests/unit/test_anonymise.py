"""What remains of an event without a name: an allowlist, whatever was in the event."""

from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.anonymise import ITEM_FIELDS, clean, lower, reduce_cookieless
from proxy.event import CookielessEvent, Event, UserData, Visit
from proxy.signals import ALL_DENIED, ALL_GRANTED, Signals
from tests.support.events import CLICK_IDS, COOKIES, NOW_MS, SHOPPER, USER_AGENT
from tests.support.personal_data import EMAILS
from tests.support.reduction import (
    BUILT,
    POLICY,
    RANDOM_ID,
    cookieless,
    event,
    full,
    spellings,
    state,
    stored,
)

QUICK = settings(max_examples=200, deadline=None)

# Words of no special form, so that it is the allowlist that keeps them out and no pattern.
MARKS = {
    slot: f"kanari{slot.replace('_', '')}vogel"
    for slot in (
        "event_id user_id email phone first_name last_name city postal_code country visitor session_id property_name"
        " property param_name param item_name item_extra query fragment userinfo referrer_path referrer_query region"
        " cookie gclid fbclid msclkid fbp agent language google_email google_phone client_id stream"
    ).split()
}


def marked() -> tuple[Event, Visit]:
    """Return an event, and the request around it, with a mark wherever something may not get through."""
    visit = Visit(
        user_agent=f"{USER_AGENT} {MARKS['agent']}/1.2.3",
        address="203.0.113.0",
        country="NO",
        region=MARKS["region"],
        language="nb-NO",
        cookies=dict.fromkeys(COOKIES, MARKS["cookie"]),
    )
    marks = MARKS
    made = Event(
        name="purchase",
        event_id=marks["event_id"],
        time_ms=NOW_MS,
        url=(
            f"https://{marks['userinfo']}:x@shop.example/thanks?utm_source=news&q={marks['query']}"
            f"&gclid={marks['gclid']}&fbclid={marks['fbclid']}&msclkid={marks['msclkid']}#{marks['fragment']}"
        ),
        referrer=f"https://news.example/{marks['referrer_path']}?q={marks['referrer_query']}",
        title="Takk",
        params={marks["param_name"]: 1, "coupon": marks["param"]},
        items=[{"item_id": "SKU1", "item_name": "Genser", "price": 249.5, marks["item_name"]: 1, "x": marks["item_extra"]}],
        value=499.0,
        currency="NOK",
        transaction_id="T-1",
        user_data=UserData(**{field.name: marks[field.name] for field in fields(UserData)}),
        user_id=marks["user_id"],
        user_properties={marks["property_name"]: marks["property"]},
        language=f"nb-{marks['language']}",
        screen="1913x1077",
        ids={"gclid": marks["gclid"], "fbp": marks["fbp"]},
        visitor=marks["visitor"],
        session_id=marks["session_id"],
        client_id=marks["client_id"],
        stream=marks["stream"],
    )  # fmt: skip
    return made, visit


# --- the allowlist --------------------------------------------------------------------------------------------------


def test_the_whole_allowlist() -> None:
    """All that a cookieless event has, each part reduced; to be changed only together with what visitors are told."""
    made, visit = marked()
    assert cookieless(made, visit) == CookielessEvent(
        name="purchase",
        url="https://shop.example/thanks?utm_source=news",
        referrer="https://news.example",
        title="Takk",
        params={},
        items=[{"item_id": "SKU1", "item_name": "Genser", "price": 249.5}],
        value=499.0,
        currency="NOK",
        transaction_id="T-1",
        user_agent=(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0"
            " Safari/537.36"
        ),
        language="nb",
        screen="1920x1080",
        address="203.0.113.0",
        country="NO",
        signals=ALL_DENIED,
        explicit=True,
        random_id=RANDOM_ID,
    )


def test_no_field_was_added_unseen() -> None:
    """A new field of a cookieless event would have to be argued for here."""
    assert {field.name for field in fields(CookielessEvent)} == set(
        "name url referrer title params items value currency transaction_id user_agent language screen address country"
        " signals explicit random_id".split()
    )


@pytest.mark.parametrize("slot", MARKS)
def test_nothing_that_may_name_somebody_gets_through(slot: str) -> None:
    """Not plain, not encoded, not hashed: neither straight from the event nor lowered from a full entry."""
    made, visit = marked()
    forms = list(spellings(MARKS[slot]))
    reduced = [cookieless(made, visit)]
    reduced += [lower(full(made, name, visit), ALL_DENIED, POLICY, RANDOM_ID) for name in BUILT]
    for one in reduced:
        text = stored(one)
        assert [form for form in forms if form in text] == []


def test_the_marks_are_there_to_be_found() -> None:
    """In a full event some of them are; a search that finds nothing anywhere would prove nothing."""
    made, visit = marked()
    text = "".join(stored(full(made, name, visit)) for name in BUILT)
    for slot in (
        "event_id",
        "user_id",
        "param",
        "item_extra",
        "query",
        "region",
        "gclid",
        "fbclid",
        "property",
        "client_id",
        "google_email",
    ):
        assert MARKS[slot] in text, slot


@pytest.mark.parametrize("name", BUILT)
def test_a_lowered_entry_is_what_the_event_would_have_been(name: str) -> None:
    """Full first and cookieless later comes to the same as cookieless at once, but for an address that is gone."""
    made, visit = marked()
    lowered = lower(full(made, name, visit), ALL_DENIED, POLICY, RANDOM_ID)
    if lowered.address is None:
        visit.address = None
    assert lowered == cookieless(made, visit)


# --- what the policy adds -------------------------------------------------------------------------------------------


def test_free_parameters_are_those_that_the_policy_lists() -> None:
    """By name, scrubbed, and only where the event has them."""
    made = event(params={"coupon": "SUMMER", "plan": "kari@shop.example", "other": "x"})
    assert cookieless(made).params == {}
    allowed = frozenset({"coupon", "plan", "absent"})
    assert cookieless(made, cookieless_params=allowed).params == {"coupon": "SUMMER", "plan": "[redacted]"}
    lowered = lower(full(made, BUILT[0]), ALL_DENIED, POLICY, RANDOM_ID)
    assert lowered.params == {}


def test_the_policy_may_keep_back_transaction_id_and_address() -> None:
    """Straight from the event and lowered from a full entry."""
    made, visit = event(transaction_id="T-1"), Visit(address="203.0.113.0")
    assert (cookieless(made, visit).transaction_id, cookieless(made, visit).address) == ("T-1", "203.0.113.0")
    bare = cookieless(made, visit, cookieless_transaction_id=False, cookieless_address=False)
    assert (bare.transaction_id, bare.address) == (None, None)


def test_the_signals_are_told_as_they_are() -> None:
    """Statistics granted and ads denied is told so, and after a withdrawal what holds then."""
    mixed = Signals.from_code("gduu")
    assert cookieless(event(), signals=mixed).signals is mixed
    kept = full(event(), BUILT[0], signals=ALL_GRANTED)
    assert lower(kept, mixed, POLICY, RANDOM_ID).signals is mixed
    assert lower(kept, mixed, POLICY, RANDOM_ID).explicit


def test_every_entry_has_a_random_id_of_its_own() -> None:
    """Two vendors, or two entries of one event, cannot be joined by it."""
    content = clean(event(title="Takk"))
    first, second = (
        stored(reduce_cookieless(content, Visit(), state(ALL_DENIED), POLICY, random_id))
        for random_id in ("1.1795341600", "2.1795341600")
    )
    assert "1.1795341600" in first
    assert "1.1795341600" not in second
    assert first.replace("1.1795341600", "2.1795341600") == second


PUBLISHED_ITEM_FIELDS = set(
    "item_id item_name affiliation coupon discount index item_brand item_category item_category2 item_category3"
    " item_category4 item_category5 item_list_id item_list_name item_variant location_id price quantity promotion_id"
    " promotion_name creative_name creative_slot currency".split()
)


def test_items_keep_the_fields_that_have_a_published_meaning() -> None:
    """Whatever a site invents about its items stays at home."""
    item = dict.fromkeys(ITEM_FIELDS, "x") | {
        "size": 1,
        "owner": "y",
        "item_category6": "z",
        "Item_id": "w",
    }
    [kept] = cookieless(event(items=[item])).items
    assert kept.keys() == ITEM_FIELDS == PUBLISHED_ITEM_FIELDS


def test_an_event_without_anything_reduces_to_nothing() -> None:
    """No field is invented."""
    bare = cookieless(event())
    assert (bare.url, bare.referrer, bare.title, bare.value, bare.transaction_id) == (None,) * 5
    assert (bare.language, bare.screen, bare.address, bare.country) == (None,) * 4
    assert (bare.params, bare.items) == ({}, [])


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("https://news.example/a/b?c#d", "https://news.example"),
        ("https://kari:secret@news.example:8443/a", "https://news.example:8443"),
        ("android-app://com.example.news/x", "android-app://com.example.news"),
        ("news.example", None),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
    ],
)
def test_a_referrer_is_its_origin(written: str, wanted: str | None) -> None:
    """And what has none is left out."""
    assert cookieless(event(referrer=written)).referrer == wanted


# --- properties -----------------------------------------------------------------------------------------------------

# Where a stranger can put a text of their own, and what around it makes it likely that it is let through.
SLOTS = [
    "https://shop.example/{}",
    "https://shop.example/a?utm_source={}",
    "https://shop.example/a?utm_{}=x",
    "https://{}@shop.example/a",
    "https://shop.example/a;id={}",
    "https://shop.example/a?x=1#{}",
]


@QUICK
@given(EMAILS, st.sampled_from(SLOTS), st.sampled_from(BUILT))
def test_an_address_of_a_person_gets_through_nowhere(email: str, slot: str, forwarder: str) -> None:
    """In whichever text it is written: neither cookieless nor in full is it ever stored as it is."""
    made = Event(
        "purchase",
        "e-1",
        NOW_MS,
        url=slot.format(email),
        referrer=slot.format(email),
        title=f"Takk, {email}",
        params={"x": email, "y": f"https://shop.example/?z={email}", email: 1},
        items=[{"item_id": email, "item_name": f"Til {email}", email: 1}],
        transaction_id=email,
        user_id=email,
        user_properties={"x": email, email: 2},
        language=email[:60],
        user_data=UserData(email=email),
    )
    visit = Visit(user_agent=USER_AGENT, language=email)
    whole = full(made, forwarder, visit)
    allowed = frozenset({"x", "y", email})
    for one in (
        whole,
        cookieless(made, visit, cookieless_params=allowed),
        lower(whole, ALL_DENIED, POLICY, RANDOM_ID),
    ):
        assert email.lower() not in stored(one)


TEXTS = st.text(max_size=60) | st.sampled_from(
    [*CLICK_IDS.values(), "https://a.example/?gclid=abc123", "%40", "@"]
)
VALUES = (
    TEXTS
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
)
FREE = st.dictionaries(TEXTS, VALUES, max_size=5)
EVENTS = st.builds(
    Event,
    st.just("purchase"),
    st.text(min_size=1, max_size=20),
    st.integers(NOW_MS - 1000, NOW_MS),
    url=st.none() | TEXTS | TEXTS.map("https://shop.example/{}".format),
    referrer=st.none() | TEXTS | TEXTS.map("https://news.example/?{}".format),
    title=st.none() | TEXTS,
    params=FREE,
    items=st.lists(FREE, max_size=3),
    value=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    currency=st.none() | st.sampled_from(["NOK", "EUR"]),
    transaction_id=st.none() | TEXTS,
    user_data=st.none() | st.just(SHOPPER) | st.builds(UserData, email=TEXTS, phone=TEXTS, first_name=TEXTS),
    user_id=st.none() | TEXTS,
    user_properties=FREE,
    language=st.none() | TEXTS,
    screen=st.none() | TEXTS,
    ids=st.dictionaries(st.sampled_from([*CLICK_IDS, "fbp", "fbc", "x"]), TEXTS, max_size=4),
    session_id=st.none() | TEXTS,
)
VISITS = st.builds(
    Visit,
    user_agent=st.text(max_size=80) | st.just(USER_AGENT + "\udcff"),
    language=st.none() | TEXTS | st.just("nb-NO\udce6,nb;q=0.9"),
    cookies=st.dictionaries(
        st.sampled_from(sorted(COOKIES)), TEXTS | st.sampled_from(sorted(COOKIES.values()))
    ),
)
CODES = st.text("gdu", min_size=4, max_size=4).map(Signals.from_code)


@QUICK
@given(EVENTS, VISITS, CODES, st.sampled_from(BUILT))
def test_reduction_never_fails_and_what_it_makes_can_be_stored(
    made: Event, visit: Visit, signals: Signals, forwarder: str
) -> None:
    """Nothing that a stranger writes costs a site its conversion; and cookieless stays within its shapes."""
    whole = full(made, forwarder, visit, signals)
    assert stored(whole)
    for one in (cookieless(made, visit, signals), lower(whole, signals, POLICY, RANDOM_ID)):
        assert stored(one)
        assert one.url is None or (one.url.startswith(("https://", "http://")) and "#" not in one.url)
        assert one.referrer is None or one.referrer.count("/") == 2
        assert one.screen in {None, "390x844", "1024x768", "1920x1080"}
        assert one.language is None or (
            one.language.isalpha() and one.language.islower() and len(one.language) <= 3
        )
        assert one.params == {}
        assert all(item.keys() <= ITEM_FIELDS for item in one.items)
        for pair in (one.url or "").partition("?")[2].split("&"):
            assert not pair or pair.lower().startswith("utm_")
