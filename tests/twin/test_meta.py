"""Meta in the twin: versions, tokens, strict events, one bad event fails all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from proxy.twin.app import RunningTwin
from proxy.twin.rules.meta import validate

Send = Callable[..., Awaitable[tuple[int, Any, dict[str, str]]]]

NOW = 1_795_341_600
TARGET = "/graph.facebook.com/v26.0/1234567890/events"
EM = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"


def people(**changes: Any) -> dict[str, Any]:
    """Return customer information of a known visitor; None leaves a key out."""
    data = {"em": [EM], "client_user_agent": "UA/1.0", "fbp": "fb.1.1795169000000.1254136630"}
    return {key: value for key, value in (data | changes).items() if value is not None}


def purchase(**changes: Any) -> dict[str, Any]:
    """Return a website purchase; None leaves a key out."""
    event: dict[str, Any] = {
        "event_name": "Purchase",
        "event_time": NOW - 60,
        "event_id": "m-1",
        "action_source": "website",
        "event_source_url": "https://shop.example/thanks",
        "user_data": people(),
        "custom_data": {
            "currency": "EUR",
            "value": 99.9,
            "order_id": "O-1",
            "content_type": "product",
            "contents": [{"id": "sku1", "quantity": 2, "item_price": 10.5}],
        },
    }
    return {key: value for key, value in (event | changes).items() if value is not None}


def view(**changes: Any) -> dict[str, Any]:
    """Return a product view, which needs no value."""
    return purchase(**({"event_name": "ViewContent", "custom_data": None} | changes))


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(purchase(), id="purchase"),
        pytest.param(view(event_time=NOW - 6 * 86_400), id="six days old"),
        pytest.param(view(user_data=people(em=EM)), id="hash not in a list"),
        pytest.param(view(user_data=people(client_ip_address="203.0.113.0")), id="truncated address"),
        pytest.param(
            view(user_data=people(fbc="fb.1.1795169000000.IwAR0_x-y.AQICAQMC")), id="fbc of five segments"
        ),
        pytest.param(
            view(event_time=NOW - 61 * 86_400, action_source="physical_store", event_source_url=None),
            id="from a shop",
        ),
        pytest.param(
            purchase(custom_data={"value": 0, "currency": "usd", "colour": ["red", 2]}), id="free properties"
        ),
        pytest.param(view(data_processing_options=[]), id="limited data use off"),
    ],
)
def test_true_to_life_events_pass(event: dict[str, Any]) -> None:
    """Nothing that Meta documents as valid is refused."""
    assert validate([event], NOW) == []


@pytest.mark.parametrize(
    ("event", "param", "subcode"),
    [
        pytest.param(view(event_time=NOW - 7 * 86_400 - 1), "event_time", 2804003, id="older than 7 days"),
        pytest.param(view(event_time=NOW + 120), "event_time", None, id="in the future"),
        pytest.param(view(event_time=NOW * 1000), "event_time", None, id="milliseconds"),
        pytest.param(view(event_time=str(NOW)), "event_time", None, id="time as text"),
        pytest.param(view(event_time=NOW + 0.5), "event_time", None, id="fraction of a second"),
        pytest.param(
            purchase(custom_data={"value": 1}), "custom_data", 2804009, id="purchase without currency"
        ),
        pytest.param(purchase(custom_data=None), "custom_data", 2804009, id="purchase without anything"),
        pytest.param(view(user_data={"client_user_agent": "UA"}), "user_data", 2804050, id="user agent only"),
        pytest.param(
            view(user_data={"ct": EM, "country": EM, "client_user_agent": "UA"}),
            "user_data",
            2804050,
            id="place only",
        ),
        pytest.param(
            view(user_data={"client_user_agent": "U", "db": EM}), "user_data", 2804050, id="birthday only"
        ),
        pytest.param(view(user_data=people(em="ola@example.no")), "user_data.em", None, id="e-mail in clear"),
        pytest.param(view(user_data=people(em=[EM.upper()])), "user_data.em", None, id="hash in upper case"),
        pytest.param(view(user_data=people(ph="4799999999")), "user_data.ph", None, id="phone in clear"),
        pytest.param(view(user_data=people(em=[])), "user_data.em", None, id="empty list"),
        pytest.param(
            view(user_data=people(client_ip_address="203.0.113.x")),
            "user_data.client_ip_address",
            None,
            id="mask",
        ),
        pytest.param(view(user_data=people(fbp="GA1.1.2.3")), "user_data.fbp", None, id="not an fbp"),
        pytest.param(
            view(user_data=people(client_user_agent=None)),
            "user_data.client_user_agent",
            None,
            id="no user agent",
        ),
        pytest.param(view(user_data=None), "user_data", None, id="no user_data"),
        pytest.param(view(event_source_url=None), "event_source_url", None, id="website without page"),
        pytest.param(view(event_source_url="/thanks"), "event_source_url", None, id="relative page"),
        pytest.param(view(action_source="web"), "action_source", None, id="unknown source"),
        pytest.param(view(action_source=None), "action_source", None, id="no source"),
        pytest.param(view(event_name=""), "event_name", None, id="no name"),
        pytest.param(view(opt_out="no"), "opt_out", None, id="opt_out as text"),
        pytest.param(
            purchase(custom_data={"value": "1", "currency": "EUR"}),
            "custom_data.value",
            None,
            id="text value",
        ),
        pytest.param(
            purchase(custom_data={"value": -1, "currency": "EUR"}), "custom_data.value", None, id="negative"
        ),
        pytest.param(
            purchase(custom_data={"value": 1, "currency": "Euro"}),
            "custom_data.currency",
            None,
            id="no such currency",
        ),
        pytest.param(
            purchase(custom_data={"value": 1, "currency": "EUR", "contents": [{"quantity": 1}]}),
            "custom_data.contents[0].id",
            None,
            id="content without id",
        ),
        pytest.param(
            purchase(custom_data={"value": 1, "currency": "EUR", "nested": {"a": 1}}),
            "custom_data.nested",
            None,
            id="nested",
        ),
    ],
)
def test_each_rule_names_parameter_and_subcode(
    event: dict[str, Any], param: str, subcode: int | None
) -> None:
    """The three known subcodes where they apply, a plain code 100 elsewhere."""
    found = validate([event], NOW)
    assert (f"data[0].{param}", subcode) in [(item.param, item.subcode) for item in found]


async def test_a_batch_is_taken_whole(send: Send, running: RunningTwin) -> None:
    """All events of a good batch; the same name and id twice is a duplicate."""
    events = [purchase(), view(event_id="m-2"), purchase()]
    status, body, _ = await send("POST", TARGET, {"data": events, "access_token": "EAAB"})
    assert (status, body["events_received"], body["messages"]) == (200, 3, [])
    assert body["fbtrace_id"]
    tally = running.twin.tally("meta")
    assert (tally.events, tally.accepted, tally.duplicates) == (3, 3, 1)


@pytest.mark.parametrize("how", ["body", "header", "query", "form"])
async def test_the_token_may_come_in_four_ways(send: Send, how: str) -> None:
    """JSON, header, query, and the form that the vendor's own SDKs send."""
    data: dict[str, Any] = {"data": [view()]}
    match how:
        case "body":
            status, *_ = await send("POST", TARGET, data | {"access_token": "EAAB"})
        case "header":
            status, *_ = await send("POST", TARGET, data, headers={"Authorization": "Bearer EAAB"})
        case "query":
            status, *_ = await send("POST", f"{TARGET}?access_token=EAAB", data)
        case _:
            form = urlencode({"data": orjson.dumps(data["data"]).decode(), "access_token": "EAAB"})
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            status, *_ = await send("POST", TARGET, data=form, headers=headers)
    assert status == 200


@pytest.mark.parametrize(
    ("token", "status", "subcode"),
    [("", 400, None), ("EAAB-wrong", 400, None), ("EAAB-expired", 401, 463), ("EAAB-revoked", 401, 467)],
)
async def test_bad_tokens_answer_190(send: Send, token: str, status: int, subcode: int | None) -> None:
    """With the subcode that tells why, where there is one."""
    answered, body, _ = await send("POST", TARGET, {"data": [view()], "access_token": token})
    error = body["error"]
    assert (answered, error["code"], error["type"]) == (status, 190, "OAuthException")
    assert error.get("error_subcode") == subcode
    assert error["fbtrace_id"]


async def test_required_credentials_can_be_set(send: Send, running: RunningTwin) -> None:
    """A foreign token is 190, a foreign dataset 100 with subcode 33."""
    running.twin.configure("meta", tokens=frozenset({"EAAB"}), ids=frozenset({"1234567890"}))
    assert (await send("POST", TARGET, {"data": [view()], "access_token": "EAAB"}))[0] == 200
    assert (await send("POST", TARGET, {"data": [view()], "access_token": "EAAC"}))[1]["error"]["code"] == 190
    other = TARGET.replace("1234567890", "1")
    error = (await send("POST", other, {"data": [view()], "access_token": "EAAB"}))[1]["error"]
    assert (error["code"], error["error_subcode"]) == (100, 33)


@pytest.mark.parametrize("version", ["v20.0", "v99.0", "v26.1"])
async def test_versions_that_meta_does_not_serve_answer_2635(send: Send, version: str) -> None:
    """Expired and unknown ones alike."""
    body = {"data": [view()], "access_token": "EAAB"}
    status, answer, _ = await send("POST", TARGET.replace("v26.0", version), body)
    assert (status, answer["error"]["code"]) == (400, 2635)


async def test_an_unknown_key_is_named_and_fails_all(send: Send, running: RunningTwin) -> None:
    """With its place in Meta's own notation; the good event is not taken either."""
    events = [view(), view(consent="granted")]
    status, body, _ = await send("POST", TARGET, {"data": events, "access_token": "EAAB"})
    assert (status, body["error"]["code"]) == (400, 100)
    assert body["error"]["message"] == '(#100) Unexpected key "consent" on param "$[\'data\'][1]".'
    (recorded,) = running.twin.requests("meta")
    assert (recorded.events, recorded.accepted, recorded.errors) == (2, 0, ("100 data[1].consent",))


async def test_a_subcode_and_its_words_are_told(send: Send) -> None:
    """Title and message for people, code and subcode for programs."""
    body = {"data": [view(event_time=NOW - 8 * 86_400)], "access_token": "EAAB"}
    status, answer, _ = await send("POST", TARGET, body)
    error = answer["error"]
    assert (status, error["code"], error["error_subcode"], error["is_transient"]) == (
        400,
        100,
        2804003,
        False,
    )
    assert error["error_user_title"]
    assert error["error_user_msg"]


@pytest.mark.parametrize(
    "data", [None, [], {}, "[]", [view()] * 1001], ids=["absent", "empty", "object", "text", "1001"]
)
async def test_data_must_be_one_to_1000_events(send: Send, data: Any) -> None:
    """Anything else is an invalid parameter."""
    status, body, _ = await send("POST", TARGET, {"data": data, "access_token": "EAAB"})
    assert (status, body["error"]["code"]) == (400, 100)
