"""Microsoft Advertising in the twin: with ``continueOnValidationError`` a bad event costs only itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from proxy.twin.app import RunningTwin
from proxy.twin.rules.microsoft import validate

Send = Callable[..., Awaitable[tuple[int, Any, dict[str, str]]]]

NOW = 1_795_341_600
TARGET = "/capi.uet.microsoft.com/v1/97000001/events"
AUTH = {"Authorization": "Bearer uet-token"}
EM = "ec81f3ac7b2b19675bab9d54cf416f9f18cff87c97da5cca82c0f0891bc40602"


def people(**changes: Any) -> dict[str, Any]:
    """User data of a visitor who clicked; ``-`` leaves a key out, None stays null."""
    data = {"clientUserAgent": "UA/1.0", "msclkid": "0123456789abcdef0123456789abcdef", "em": EM}
    return {key: value for key, value in (data | changes).items() if value != "-"}


def purchase(**changes: Any) -> dict[str, Any]:
    """Return a purchase; ``-`` leaves a key out."""
    event: dict[str, Any] = {
        "eventType": "custom",
        "eventName": "purchase",
        "eventId": "m-1",
        "eventTime": NOW - 60,
        "eventSourceUrl": "https://shop.example/thanks",
        "adStorageConsent": "G",
        "userData": people(),
        "customData": {
            "transactionId": "O-1",
            "value": 99.9,
            "currency": "EUR",
            "pageType": "purchase",
            "items": [{"id": "sku1", "name": "N", "price": 10.5, "quantity": 2}],
            "itemIds": ["sku1"],
        },
    }
    return {key: value for key, value in (event | changes).items() if value != "-"}


def page(**changes: Any) -> dict[str, Any]:
    """Return a page load; ``-`` leaves a key out."""
    return purchase(eventType="pageLoad", eventName="-", customData="-", eventId="p-1", **changes)


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(purchase(), id="purchase"),
        pytest.param(page(pageLoadId="3f2b8a10-5c1e-4c55-9a58-6a1d2f0b7c11"), id="page load"),
        pytest.param(purchase(adStorageConsent="D"), id="denied"),
        pytest.param(purchase(eventTime=NOW - 7 * 86_400 + 5), id="nearly a week old"),
        pytest.param(
            purchase(userData={"anonymousId": "0123456789abcdef0123456789abcdef"}), id="anonymous id only"
        ),
    ],
)
def test_true_to_life_events_pass(event: dict[str, Any]) -> None:
    """Nothing that Microsoft documents as valid is refused."""
    assert validate({"data": [event], "continueOnValidationError": True}, NOW) == []


@pytest.mark.parametrize(
    ("event", "field"),
    [
        pytest.param(purchase(eventType="event"), "eventType", id="unknown type"),
        pytest.param(purchase(eventTime=NOW - 8 * 86_400), "eventTime", id="8 days old"),
        pytest.param(purchase(eventTime=NOW + 120), "eventTime", id="in the future"),
        pytest.param(purchase(eventTime=(NOW - 60) * 1000), "eventTime", id="milliseconds"),
        pytest.param(page(eventSourceUrl="-"), "eventSourceUrl", id="page load without page"),
        pytest.param(purchase(referrerUrl="shop.example"), "referrerUrl", id="referrer is no URL"),
        pytest.param(purchase(pageLoadId="1"), "pageLoadId", id="page load id is no UUID"),
        pytest.param(purchase(adStorageConsent="granted"), "adStorageConsent", id="consent word"),
        pytest.param(purchase(userData="-"), "userData", id="no userData"),
        pytest.param(
            purchase(userData={"clientUserAgent": "UA", "clientIpAddress": "203.0.113.0"}),
            "userData",
            id="no identifier",
        ),
        pytest.param(purchase(userData=people(em="ola@example.no")), "userData.em", id="e-mail in clear"),
        pytest.param(purchase(userData=people(ph=None)), "userData.ph", id="null"),
        pytest.param(
            purchase(userData=people(msclkid="_uet0123456789abcdef")), "userData.msclkid", id="cookie prefix"
        ),
        pytest.param(
            purchase(userData=people(clientIpAddress="203.0.113.x")),
            "userData.clientIpAddress",
            id="masked address",
        ),
        pytest.param(purchase(customData={"value": 1}), "customData.currency", id="value without currency"),
        pytest.param(
            purchase(customData={"value": "1", "currency": "EUR"}), "customData.value", id="value as text"
        ),
        pytest.param(purchase(customData={"currency": "EURO"}), "customData.currency", id="no such currency"),
        pytest.param(
            purchase(customData={"pageType": "checkout"}), "customData.pageType", id="unknown page type"
        ),
        pytest.param(
            purchase(customData={"items": [{"name": "N"}]}), "customData.items", id="item without id"
        ),
    ],
)
def test_each_rule_names_the_property(event: dict[str, Any], field: str) -> None:
    """Only the bad event of two is named, by its index."""
    found = validate({"data": [purchase(), event]}, NOW)
    assert [(item.index, item.property_name, item.warning) for item in found] == [
        (1, f"data[1].{field}", False)
    ]


async def test_a_batch_is_taken(send: Send, running: RunningTwin) -> None:
    """The same name and event id twice is a duplicate."""
    body = {
        "data": [purchase(), page(), purchase()],
        "continueOnValidationError": True,
        "dataProvider": "sayso",
    }
    status, answer, headers = await send("POST", TARGET, body, headers=AUTH)
    assert (status, answer["eventsReceived"], "error" in answer) == (200, 3, False)
    assert headers["x-ms-request-id"]
    tally = running.twin.tally("microsoft")
    assert (tally.events, tally.accepted, tally.duplicates) == (3, 3, 1)


async def test_going_on_keeps_the_good_events(send: Send, running: RunningTwin) -> None:
    """200, with the bad event's index and the attempted value, which a client must not log."""
    bad = purchase(userData=people(em="ola@example.no"))
    body = {"data": [purchase(), bad, page()], "continueOnValidationError": True}
    status, answer, _ = await send("POST", TARGET, body, headers=AUTH)
    assert (status, answer["eventsReceived"], answer["error"]["code"]) == (200, 2, "ValidationError")
    assert answer["error"]["details"] == [
        {
            "index": 1,
            "propertyName": "data[1].userData.em",
            "errorMessage": "The value is not valid.",
            "attemptedValue": "ola@example.no",
            "errorCode": "InvalidValue",
            "isWarning": False,
        }
    ]
    (recorded,) = running.twin.requests()
    assert (recorded.events, recorded.accepted) == (3, 2)
    assert recorded.errors == ("InvalidValue data[1].userData.em",)


@pytest.mark.parametrize("flag", [{}, {"continueOnValidationError": False}])
async def test_otherwise_one_bad_event_rejects_all(
    send: Send, running: RunningTwin, flag: dict[str, bool]
) -> None:
    """Going on is off unless asked for."""
    body = {"data": [purchase(), purchase(eventType="x")]} | flag
    status, answer, _ = await send("POST", TARGET, body, headers=AUTH)
    assert (status, answer["error"]["code"]) == (400, "ValidationError")
    assert [item["index"] for item in answer["error"]["details"]] == [1]
    assert running.twin.tally("microsoft").accepted == 0


async def test_a_field_that_was_left_out_is_only_a_warning(send: Send, running: RunningTwin) -> None:
    """The event itself counts."""
    status, answer, _ = await send("POST", TARGET, {"data": [purchase(colour="red")]}, headers=AUTH)
    assert (status, answer["eventsReceived"]) == (200, 1)
    assert [item["isWarning"] for item in answer["error"]["details"]] == [True]
    assert running.twin.tally("microsoft").accepted == 1


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        (TARGET, {}),
        (TARGET, {"Authorization": "Bearer wrong"}),
        (TARGET.replace("97000001", "revoked"), AUTH),
    ],
)
async def test_bad_credentials_answer_401(send: Send, target: str, headers: dict[str, str]) -> None:
    """No token, a wrong one, and a tag that is not the token's."""
    status, body, _ = await send("POST", target, {"data": [purchase()]}, headers=headers)
    assert (status, body["error"]["code"]) == (401, "Unauthorized")


async def test_an_empty_request_tells_a_good_token_from_a_bad_one(send: Send) -> None:
    """The probe without data: 400 with a good token, 401 with a bad one."""
    assert (await send("POST", TARGET, {"data": []}, headers=AUTH))[0] == 400
    assert (await send("POST", TARGET, {"data": []}))[0] == 401


@pytest.mark.parametrize(
    "body", [b"{", {}, {"data": [purchase()] * 1001}], ids=["bad JSON", "no data", "1001"]
)
async def test_data_must_be_one_to_1000_events(send: Send, body: Any) -> None:
    """Going on does not help there: the request itself is wrong."""
    status, answer, _ = await send("POST", TARGET, body, headers=AUTH)
    assert (status, answer["error"]["details"][0]["propertyName"]) == (400, "data")


async def test_get_is_not_a_method_of_it(send: Send) -> None:
    """Events are only ever posted."""
    assert (await send("GET", TARGET, headers=AUTH))[0] == 405
