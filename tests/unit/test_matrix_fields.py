"""The fields that the matrix names are those that a request has."""

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import orjson
import pytest

from forwarders.base import Forwarder, Request
from proxy.event import CookielessEvent, FullEvent
from proxy.forwarder_modules import shipped
from proxy.matrix import example, states
from proxy.policy import PRESET_NAMES
from proxy.reasons import Decision
from proxy.signals import ALL_GRANTED
from tests.support.events import STANZAS, cookieless_event, full_event, full_event_for
from tests.support.matrices import cell, named, site, whole

PRESETS = pytest.mark.parametrize("preset", PRESET_NAMES)


# --- fields ---------------------------------------------------------------------------------------------------------


def said(request: Request) -> str:
    """Return all that a request says but its place, which is the site's."""
    return f"{request.query} {request.headers} {orjson.dumps(request.body).decode()}"


def marks(event: FullEvent | CookielessEvent) -> Iterator[tuple[str, str, Any]]:
    """Yield for each text of an event its name, a mark, and the field's value with the mark in it."""
    for field in fields(event):
        value, name = getattr(event, field.name), field.name
        if name in {"ids", "contact"}:
            for key, text in value.items():
                yield f"{name}.{key}", text, value
        elif isinstance(value, str) and name not in {"name", "url", "referrer"}:
            yield (
                name,
                {"screen": "390x844", "currency": "XYZ", "language": "qq"}.get(name, f"mark{name}"),
                None,
            )


@pytest.mark.parametrize("name", sorted(set(STANZAS) & set(shipped())))
def test_the_fields_of_a_full_event_are_those_that_can_be_found_in_its_request(name: str) -> None:
    """Looked for in another way: by a mark in each text of an event that is mapped by a configured forwarder."""
    forwarder = _configured(name)
    row = cell(named("consent-mode"), name, "all granted")
    event = full_event_for(forwarder, address="203.0.113.0", region="NO-03", user_id="u-1", title="Thanks")
    for field, mark, value in marks(event):
        change: Any = {field: mark}
        changed = event if value is not None else replace(event, **change)
        if field == "address":
            changed = replace(changed, country=None)
        if field in {"language", "screen"}:
            changed = replace(changed, user_agent="")
        if field == "event_id":
            changed = replace(changed, transaction_id=None)
        assert row.fields is not None
        assert (mark in said(forwarder.full([changed]))) == (field in row.fields), field


@pytest.mark.parametrize("name", ["google_analytics", "google_ads"])
def test_the_fields_of_a_cookieless_event_are_those_that_can_be_found_in_its_request(name: str) -> None:
    """The same for pings."""
    forwarder = _configured(name)
    row = cell(named("consent-mode"), name, "never answered")
    event = cookieless_event(address="203.0.113.0", random_id="1234567890.1795341600")
    for field, mark, _ in marks(event):
        if field in {"random_id", "country"}:  # has to be numbers; tells whether the rules of the EEA apply
            continue
        change: Any = {field: mark}
        changed = replace(event, **change)
        assert row.fields is not None
        found = mark in said(forwarder.cookieless(changed)) or (
            field == "screen" and "'390'" in said(forwarder.cookieless(changed))
        )
        assert found == (field in row.fields), field


def _configured(name: str) -> Forwarder:
    settings = site(forwarders={name: STANZAS[name]})
    return settings.forwarders[name].forwarder


@PRESETS
def test_a_cookieless_event_never_has_a_field_of_a_person(preset: str) -> None:
    """Whatever the state: nothing beside the allowlist."""
    allowed = {field.name for field in fields(CookielessEvent)} - {"explicit"}
    for row in whole(preset).rows:
        if row.decision is Decision.COOKIELESS:
            assert row.fields is not None
            assert set(row.fields) <= allowed


def test_more_consent_sends_more() -> None:
    """What Google Analytics may have grows with the signals, and what is not granted is not there."""
    sheet = named("consent-mode")
    by_state = {
        state: cell(sheet, "google_analytics", state).fields or () for state, _ in states(every=False)
    }
    statistics, ads, everything = (
        set(by_state[state]) for state in ("statistics only", "ads without personalisation", "all granted")
    )
    assert statistics < ads < everything
    assert everything - ads == {"user_id", "user_properties"}
    assert {"contact.email", "contact.phone", "click_ids.gclid"} <= ads - statistics
    assert not any(field.startswith(("contact.", "click_ids.")) for field in statistics)
    assert {"ids.client_id", "ids.session_id", "address"} <= statistics


def test_google_is_always_told_the_signals_and_whether_the_rules_of_the_eea_apply() -> None:
    """Also where what it is told differs from no other answer than a grant."""
    sheet = named("consent-mode")
    for state in ("denied", "statistics only", "all granted"):
        assert "signals" in (cell(sheet, "google_analytics", state).fields or ())
    assert "country" in (cell(sheet, "google_analytics", "denied").fields or ())
    assert "country" in (cell(sheet, "google_ads", "denied").fields or ())
    assert "signals" not in (cell(sheet, "meta", "all granted").fields or ())


def test_nobody_gets_what_is_another_vendors() -> None:
    """Ids, hashes and click ids are each vendor's own; the address goes to Google Analytics alone."""
    sheet = named("consent-mode")
    found = {name: set(cell(sheet, name, "all granted").fields or ()) for name in shipped()}
    assert {name for name in found if "address" in found[name]} == {"google_analytics"}
    assert {name for name in found if "click_ids.fbclid" in found[name]} == {"meta"}
    assert {name for name in found if "ids.fbp" in found[name]} == {"meta"}
    assert {name for name in found if "user_id" in found[name]} == {"google_analytics"}
    assert {field for field in found["google_ads"] if field.startswith("ids.")} == {
        "ids.gclid",
        "ids.gbraid",
        "ids.wbraid",
    }


def test_conversions_that_identify_nobody_are_told_apart() -> None:
    """Google Ads refuses them, so what happens instead stands beside what happens."""
    assert cell(named("consent-mode"), "google_ads", "all granted").unidentified is Decision.COOKIELESS
    assert cell(named("eea-strict"), "google_ads", "all granted").unidentified is Decision.DROP
    assert cell(named("consent-mode"), "google_analytics", "all granted").unidentified is None
    assert cell(named("consent-mode"), "google_ads", "denied").unidentified is None


@pytest.mark.parametrize("name", shipped())
def test_a_forwarder_can_be_looked_at_without_an_account(name: str) -> None:
    """Made-up settings are enough to map a conversion and an ordinary event."""
    forwarder = example(name)
    assert forwarder.full([full_event_for(forwarder)]).body is not None
    if forwarder.has_cookieless:
        assert forwarder.cookieless_configured("purchase")
        assert forwarder.cookieless(cookieless_event()).url
    assert full_event().signals is ALL_GRANTED
