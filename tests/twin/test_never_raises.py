"""Whatever is sent, the twin answers with one of the vendor's own statuses and never fails itself."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.twin.request import TwinRequest
from proxy.twin.rules import data_manager, measurement_protocol, meta, microsoft
from proxy.twin.twin import Twin
from proxy.twin.vendor import Grant

NOW = 1_795_341_600.0
KEYS = st.sampled_from(
    """data events destinations userData user_data customData custom_data contents items params name event_name eventType
    eventTime event_time action_source consent operatingAccount accountType accountId reference destinationReferences
    productDestinationId userIdentifiers address emailAddress adIdentifiers gclid cartData encoding client_id
    timestamp_micros user_properties em ph fbp value currency pageType adStorageConsent validateOnly""".split()
)
SCALARS = (
    st.none() | st.booleans() | st.integers(-5, 10**18) | st.floats(allow_nan=False) | st.text(max_size=8)
)
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS | st.sampled_from(["website", "Purchase", "GOOGLE_ADS", "HEX", "custom", "pageLoad"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=25,
)
TARGETS = [
    "/www.google-analytics.com/mp/collect?measurement_id=G-1&api_secret=s",
    "/www.google-analytics.com/debug/mp/collect",
    "/www.google-analytics.com/g/collect?v=2",
    "/datamanager.googleapis.com/v1/events:ingest",
    "/graph.facebook.com/v26.0/1/events?access_token=t",
    "/capi.uet.microsoft.com/v1/1/events",
    "/oauth2.googleapis.com/token",
]
HEADERS = ((b"Authorization", b"Bearer t"), (b"Content-Type", b"application/json"))


@given(body=JSON)
@settings(max_examples=200, deadline=None)
def test_no_rule_is_shaken_by_odd_json(body: Any) -> None:
    """Any JSON in any place that a rule looks at."""
    for validate in (
        data_manager.validate,
        measurement_protocol.validate,
        meta.validate,
        microsoft.validate,
    ):
        validate(body, NOW)
        validate({"data": body, "events": body, "destinations": body}, NOW)
        validate([body], NOW)
        validate({"data": [body], "events": [body], "destinations": [body]}, NOW)


@pytest.mark.parametrize("target", TARGETS)
@given(body=JSON, wrap=st.booleans())
@settings(max_examples=60, deadline=None)
def test_every_address_answers_odd_json(target: str, body: Any, wrap: bool) -> None:
    """With one of the vendor's own statuses, and the record can be shown."""
    twin = Twin(clock=lambda: NOW)
    twin.world.grants["t"] = Grant(NOW + 9, frozenset({"https://www.googleapis.com/auth/datamanager"}))
    sent = {"data": body, "events": body, "destinations": body} if wrap else body
    reply, _ = twin.take(TwinRequest("POST", target, HEADERS, orjson.dumps(sent)))
    assert reply.status in {200, 204, 400}
    assert twin.requests()[0].view()["seq"] == 1


@given(query=st.text(max_size=60), body=st.binary(max_size=60))
@settings(max_examples=200, deadline=None)
def test_web_hits_of_any_bytes_are_answered_204(query: str, body: bytes) -> None:
    """As Google does."""
    twin = Twin()
    reply, _ = twin.take(TwinRequest("POST", "/www.google-analytics.com/g/collect?" + query, (), body))
    assert reply.status == 204
    orjson.dumps(twin.requests()[0].view())
