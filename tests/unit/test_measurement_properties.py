"""Google's Measurement Protocol: what must never happen, whatever is sent."""

import copy
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.anonymise import clean, reduce_cookieless
from proxy.event import Visit
from proxy.signals import UNKNOWN_STATE
from proxy.site import SitePolicy
from tests.support.mp_messages import (
    EMAIL_HASH,
    NOW,
    PHONE_HASH,
    Json,
    read,
)

CANARIES = {
    "client_id": "1254136630.1795000000",
    "user_id": "user-canary-7f3a",
    "visitor": "VisitorCanary000000000",
    "gclid": "gclid-canary-91c2",
    "session_id": "1795340007",
    "event_id": "event-canary-55d1",
    "email": "canary@example.no",
    "phone": "+4791234567",
    "email_hash": EMAIL_HASH,
    "phone_hash": PHONE_HASH,
    "property": "property-canary-33",
    "address": "81.2.69.142",
}
POLICY = SitePolicy(
    preset="consent-mode",
    version="v",
    interest=False,
    consent_max_age_ms=1,
    cookieless_address=True,
    cookieless_transaction_id=True,
    cookieless_params=frozenset({"method"}),
    cookieless_max_age_s=1,
)

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
anything: st.SearchStrategy[Json] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
KEYS = (
    "client_id user_id timestamp_micros user_properties user_data consent non_personalized_ads user_location"
    " ip_override device user_agent validation_behavior visitor ids events"
).split()
PARAMS = (
    "session_id engagement_time_msec debug_mode items value currency transaction_id page_location page_referrer"
    " page_title event_id method ga_x"
).split()
events = anything | st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["purchase", "login", "session_start"]) | anything,
        "timestamp_micros": st.integers((NOW - 10**9) * 1000, (NOW + 10**6) * 1000) | anything,
        "params": st.dictionaries(st.sampled_from(PARAMS) | st.text(max_size=8), anything, max_size=6)
        | anything,
    },
)


@given(
    st.fixed_dictionaries(
        {}, optional={**dict.fromkeys(KEYS, anything), "events": st.lists(events, max_size=4)}
    )
    | anything,
    st.none() | st.text(max_size=10),
)
@settings(max_examples=200, deadline=None)
def test_nothing_that_is_sent_makes_it_fail(raw: Json, measurement_id: str | None) -> None:
    """Whatever it is, it becomes events or findings, one of the two for each event."""
    before = copy.deepcopy(raw)
    message = read(raw, measurement_id)
    assert repr(raw) == repr(before)
    if message.refused is None:
        assert len(message.events) + len(message.invalid) == len(raw["events"])
    for finding in message.findings.found:
        assert isinstance(finding.description, str)


presences = st.fixed_dictionaries({name: st.booleans() for name in CANARIES})


@given(presences, st.sampled_from(["purchase", "login"]), st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_cookieless_event_holds_nothing_that_names_anybody(
    there: dict[str, bool], name: str, known_location: bool
) -> None:
    """Of client, user, visitor, click, contact, session, event and address nothing is left, in no combination."""
    raw: dict[str, Json] = {"client_id": "555.666", "events": [{"name": name, "params": {"method": "card"}}]}
    params = raw["events"][0]["params"]
    places: dict[str, tuple[dict[str, Json], str, Json]] = {
        "client_id": (raw, "client_id", CANARIES["client_id"]),
        "user_id": (raw, "user_id", CANARIES["user_id"]),
        "visitor": (raw, "visitor", CANARIES["visitor"]),
        "gclid": (raw, "ids", {"gclid": CANARIES["gclid"]}),
        "session_id": (params, "session_id", CANARIES["session_id"]),
        "event_id": (params, "event_id", CANARIES["event_id"]),
        "property": (raw, "user_properties", {"member": {"value": CANARIES["property"]}}),
        "address": (raw, "ip_override", CANARIES["address"]),
    }
    for one_, (holder, key, value) in places.items():
        if there[one_]:
            holder[key] = value
    person = {
        "email": CANARIES["email"],
        "phone": CANARIES["phone"],
        "sha256_email_address": CANARIES["email_hash"],
        "sha256_phone_number": CANARIES["phone_hash"],
    }
    flags = ("email", "phone", "email_hash", "phone_hash")
    raw["user_data"] = {
        key: value for (key, value), flag in zip(person.items(), flags, strict=True) if there[flag]
    }
    if known_location:
        raw["user_location"] = {"country_id": "NO"}
    message = read(raw)
    (event,) = message.events
    around = message.shared.around
    visit = Visit(user_agent=around.user_agent, address=around.address, country=around.country)
    reduced = reduce_cookieless(clean(event), visit, UNKNOWN_STATE, POLICY, "1.2")
    shown = json.dumps(
        [repr(reduced), {slot: repr(getattr(reduced, slot)) for slot in type(reduced).__slots__}]
    )
    for canary in CANARIES.values():
        assert canary not in shown
    assert "555.666" not in shown
