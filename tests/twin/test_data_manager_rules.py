"""What Data Manager refuses at once: field, in snake_case with indices, and reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from proxy.twin.rules.data_manager import validate

NOW = 1_795_341_600.0
EMAIL = "223ebda6f6889b1494551ba902d9d381daf2f642bae055888e96343d53e9f9c4"
EMAIL_BASE64 = "Ij69pvaImxSUVRupAtnTgdry9kK64FWIjpY0PVPp+cQ="


def event(**changes: Any) -> dict[str, Any]:
    """Return a purchase with click id, e-mail and cart; None leaves a field out."""
    data: dict[str, Any] = {
        "destinationReferences": ["ads-purchase"],
        "transactionId": "T-1",
        "eventTimestamp": "2026-11-22T10:00:00Z",
        "eventSource": "WEB",
        "currency": "EUR",
        "conversionValue": 49.9,
        "consent": {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_DENIED"},
        "adIdentifiers": {"gclid": "abc"},
        "userData": {"userIdentifiers": [{"emailAddress": EMAIL}]},
        "cartData": {"items": [{"merchantProductId": "SKU1", "quantity": "2", "unitPrice": 24.95}]},
    }
    return {key: value for key, value in (data | changes).items() if value is not None}


def destination(**changes: Any) -> dict[str, Any]:
    """Return a conversion action; None leaves a field out."""
    data: dict[str, Any] = {
        "reference": "ads-purchase",
        "productDestinationId": "987654321",
        "operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": "1234567890"},
        "loginAccount": {"accountType": "GOOGLE_ADS", "accountId": "1112223333"},
    }
    return {key: value for key, value in (data | changes).items() if value is not None}


def request(*events: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a request of these events; None leaves a field out."""
    body: dict[str, Any] = {
        "destinations": [destination()],
        "encoding": "HEX",
        "events": list(events) or [event()],
    }
    return {key: value for key, value in (body | changes).items() if value is not None}


def identifiers(*items: Any) -> dict[str, Any]:
    """Return a purchase with these user identifiers."""
    return event(userData={"userIdentifiers": list(items)})


ADDRESS = {"givenName": EMAIL, "familyName": EMAIL, "regionCode": "NO", "postalCode": "0150"}
USER = "events.events[0].user_data.user_identifiers"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(request(), id="purchase with click id and e-mail"),
        pytest.param(request(event(userData=None), encoding=None), id="click id only needs no encoding"),
        pytest.param(request(identifiers({"emailAddress": EMAIL_BASE64}), encoding="BASE64"), id="base64"),
        pytest.param(request(identifiers({"emailAddress": EMAIL.upper()})), id="hex in upper case"),
        pytest.param(request(identifiers({"address": ADDRESS})), id="address"),
        pytest.param(request(event(eventTimestamp="2026-11-22T11:00:00.5+01:00")), id="offset and fraction"),
        pytest.param(
            {
                "destinations": [
                    {
                        "product_destination_id": "1",
                        "operating_account": {"account_type": "GOOGLE_ADS", "account_id": "1"},
                    }
                ],
                "events": [
                    {
                        "transaction_id": "T",
                        "event_timestamp": "2026-11-22T10:00:00Z",
                        "event_source": "WEB",
                        "ad_identifiers": {"wbraid": "w"},
                    }
                ],
            },
            id="snake_case and the least there can be",
        ),
        pytest.param(
            request(
                {
                    "eventName": "purchase",
                    "clientId": "1.2",
                    "eventTimestamp": "2026-11-22T10:00:00Z",
                    "additionalEventParameters": [{"parameterName": "session_id", "value": "1"}],
                },
                destinations=[
                    {
                        "productDestinationId": "G-ABC",
                        "operatingAccount": {"accountType": "GOOGLE_ANALYTICS_PROPERTY", "accountId": "1"},
                    }
                ],
            ),
            id="an Analytics event",
        ),
    ],
)
def test_good_requests_pass(body: Any) -> None:
    """Nothing that Google documents as valid is refused."""
    assert validate(body, NOW) == []


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        pytest.param(
            request(destinations=None), "destinations", "REQUIRED_FIELD_MISSING", id="no destination"
        ),
        pytest.param(
            request(destinations=[destination()] * 11),
            "destinations",
            "TOO_MANY_DESTINATIONS",
            id="11 destinations",
        ),
        pytest.param(
            request(destinations=[destination(), destination()]),
            "destinations[1].reference",
            "DUPLICATE_DESTINATION_REFERENCE",
            id="same reference twice",
        ),
        pytest.param(
            request(destinations=[destination(productDestinationId="AW-1/label")]),
            "destinations[0].product_destination_id",
            "INVALID_CONVERSION_ACTION_ID",
            id="label for an id",
        ),
        pytest.param(
            request(destinations=[destination(productDestinationId=None)]),
            "destinations[0].product_destination_id",
            "REQUIRED_FIELD_MISSING",
            id="no conversion action",
        ),
        pytest.param(
            request(destinations=[destination(operatingAccount=None)]),
            "destinations[0].operating_account.account_id",
            "REQUIRED_FIELD_MISSING",
            id="no operating account",
        ),
        pytest.param(
            request(
                destinations=[
                    destination(operatingAccount={"accountType": "GOOGLE_ADS", "accountId": "123-456-7890"})
                ]
            ),
            "destinations[0].operating_account.account_id",
            "INVALID_NUMBER_FORMAT",
            id="account with hyphens",
        ),
        pytest.param(
            request(destinations=[destination(operatingAccount={"accountType": "ADS", "accountId": "1"})]),
            "destinations[0].operating_account.account_type",
            "INVALID_ENUM_VALUE",
            id="unknown account type",
        ),
        pytest.param(request(events=[]), "events", "REQUIRED_FIELD_MISSING", id="no events"),
        pytest.param(request(*[event()] * 2001), "events", "TOO_MANY_EVENTS", id="2001 events"),
        pytest.param(
            request(event(transactionId=None)),
            "events.events[0].transaction_id",
            "REQUIRED_FIELD_MISSING",
            id="no transaction id",
        ),
        pytest.param(
            request(event(), event(eventTimestamp="22.11.2026 10:00")),
            "events.events[1].event_timestamp",
            "INVALID_FORMAT",
            id="German date in the second event",
        ),
        pytest.param(
            request(event(eventTimestamp=None)),
            "events.events[0].event_timestamp",
            "REQUIRED_FIELD_MISSING",
            id="no time",
        ),
        pytest.param(
            request(event(eventTimestamp="2026-11-22T10:30:00Z")),
            "events.events[0].event_timestamp",
            "EVENT_TIME_INVALID",
            id="half an hour ahead",
        ),
        pytest.param(
            request(event(eventSource="WEBSITE")),
            "events.events[0].event_source",
            "INVALID_ENUM_VALUE",
            id="source",
        ),
        pytest.param(
            request(event(currency="eur")),
            "events.events[0].currency",
            "INVALID_CURRENCY_CODE",
            id="lower-case currency",
        ),
        pytest.param(
            request(event(conversionValue="49.9")),
            "events.events[0].conversion_value",
            "INVALID_NUMBER_FORMAT",
            id="value as text",
        ),
        pytest.param(
            request(event(consent={"adUserData": "GRANTED"})),
            "events.events[0].consent.ad_user_data",
            "INVALID_ENUM_VALUE",
            id="consent without prefix",
        ),
        pytest.param(
            request(event(adIdentifiers=None, userData=None)),
            "events.events[0]",
            "NO_IDENTIFIERS_PROVIDED",
            id="nobody to attribute to",
        ),
        pytest.param(request(encoding=None), "encoding", "REQUIRED_FIELD_MISSING", id="no encoding"),
        pytest.param(request(encoding="hex"), "encoding", "INVALID_ENUM_VALUE", id="encoding in lower case"),
        pytest.param(
            request(identifiers({"emailAddress": "ola@example.no"})),
            f"{USER}[0].email_address",
            "INVALID_HEX_ENCODING",
            id="e-mail in clear",
        ),
        pytest.param(
            request(identifiers({"phoneNumber": EMAIL}, {"emailAddress": EMAIL[:32]})),
            f"{USER}[1].email_address",
            "INVALID_SHA256_FORMAT",
            id="MD5",
        ),
        pytest.param(
            request(identifiers({"emailAddress": "%%"}), encoding="BASE64"),
            f"{USER}[0].email_address",
            "INVALID_BASE64_ENCODING",
            id="not base64",
        ),
        pytest.param(
            request(identifiers({"emailAddress": EMAIL, "phoneNumber": EMAIL})),
            f"{USER}[0]",
            "INVALID_FORMAT",
            id="two identifiers in one entry",
        ),
        pytest.param(
            request(identifiers(*[{"emailAddress": EMAIL}] * 11)),
            USER,
            "TOO_MANY_USER_IDENTIFIERS",
            id="11 identifiers",
        ),
        pytest.param(
            request(identifiers({"address": ADDRESS | {"regionCode": "nor"}})),
            f"{USER}[0].address.region_code",
            "INVALID_COUNTRY_CODE",
            id="country of three letters",
        ),
        pytest.param(
            request(event(destinationReferences=["other"])),
            "events.events[0].destination_references",
            "INVALID_DESTINATION",
            id="reference to nothing",
        ),
        pytest.param(
            request(event(adIdentifiers={"gclidd": "abc"})),
            "events.events[0].ad_identifiers.gclidd",
            "INVALID_FORMAT",
            id="unknown key",
        ),
        pytest.param(request(dryRun=True), "dry_run", "INVALID_FORMAT", id="unknown top-level key"),
        pytest.param("text", "", "INVALID_FORMAT", id="not an object"),
    ],
)
def test_each_rule_names_field_and_reason(body: Any, field: str, reason: str) -> None:
    """The field by its path with indices, the reason from Google's enum."""
    found = validate(body, NOW)
    assert (field, reason) in [(item.field, item.reason) for item in found]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body["events"][0].update(currency="eur"),
        lambda body: body["events"][0]["adIdentifiers"].update(gclid=5),
        lambda body: body["events"].__setitem__(0, None),
        lambda body: body.update(destinations=[None]),
        lambda body: body["events"][0].update(userData={"userIdentifiers": [None, {"address": None}]}),
    ],
    ids=["currency", "number as click id", "null event", "null destination", "null identifiers"],
)
def test_a_spoilt_request_is_refused_never_a_crash(spoil: Callable[[Any], None]) -> None:
    """Nulls and wrong types where rules look for objects."""
    body = request()
    spoil(body)
    assert validate(body, NOW)
