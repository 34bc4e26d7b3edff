"""Data Manager over HTTP: tokens, whole-request failures, and the status that comes later."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from proxy.twin.app import RunningTwin
from proxy.twin.vendor import Grant

Send = Callable[..., Awaitable[tuple[int, Any, dict[str, str]]]]

NOW = 1_795_341_600.0
INGEST = "/datamanager.googleapis.com/v1/events:ingest"
STATUS = "/datamanager.googleapis.com/v1/requestStatus:retrieve"
SCOPE = "https://www.googleapis.com/auth/datamanager"
AUTH = {"Authorization": "Bearer ya29.test"}


@pytest.fixture(autouse=True)
def token(running: RunningTwin) -> None:
    """Grant a token, as the twin's own OAuth server would."""
    running.twin.world.grants["ya29.test"] = Grant(NOW + 3599, frozenset({SCOPE}))


def conversion(transaction: str = "T-1", gclid: str = "abc", **changes: Any) -> dict[str, Any]:
    """Return a conversion with a click id."""
    return {
        "transactionId": transaction,
        "eventTimestamp": "2026-11-22T10:00:00Z",
        "eventSource": "WEB",
        "consent": {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"},
        "adIdentifiers": {"gclid": gclid},
    } | changes


def batch(*events: dict[str, Any], kind: str = "GOOGLE_ADS", **changes: Any) -> dict[str, Any]:
    """Return an ingestion request; ``kind`` is the account type."""
    destination = {
        "reference": "a",
        "productDestinationId": "987",
        "operatingAccount": {"accountType": kind, "accountId": "1234567890"},
    }
    return {
        "destinations": [destination],
        "events": list(events) or [conversion()],
        "encoding": "HEX",
    } | changes


async def ingest(send: Send, body: Any) -> str:
    """Send a request that must be accepted; give its id."""
    status, answer, _ = await send("POST", INGEST, body, headers=AUTH)
    assert status == 200, answer
    request_id: str = answer["requestId"]
    return request_id


async def poll(send: Send, request_id: str) -> dict[str, Any]:
    """Ask for the status of a request with one destination."""
    status, answer, _ = await send("GET", f"{STATUS}?requestId={request_id}", headers=AUTH)
    assert status == 200
    (only,) = answer["requestStatusPerDestination"]
    result: dict[str, Any] = only
    return result


async def test_a_batch_is_taken_and_ends_in_success(send: Send, running: RunningTwin) -> None:
    """Processing first, then success for good; a transaction id sent twice is a duplicate."""
    body = batch(conversion("T-1"), conversion("T-2"), conversion("T-1"))
    request_id = await ingest(send, body)
    destination = body["destinations"][0]
    assert await poll(send, request_id) == {"destination": destination, "requestStatus": "PROCESSING"}
    for _ in range(2):
        assert await poll(send, request_id) == {
            "destination": destination,
            "requestStatus": "SUCCESS",
            "eventsIngestionStatus": {"recordCount": "3"},
        }
    tally = running.twin.tally("google_ads")
    assert (tally.events, tally.accepted, tally.duplicates) == (3, 3, 1)


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer ya29.other"}, {"Authorization": "Basic ya29.test"}]
)
async def test_only_a_token_of_this_twin_is_good(send: Send, headers: dict[str, str]) -> None:
    """No token, a foreign one and another scheme are all unauthenticated."""
    status, body, answered = await send("POST", INGEST, batch(), headers=headers)
    assert (status, body["error"]["code"], body["error"]["status"]) == (401, 401, "UNAUTHENTICATED")
    assert answered["WWW-Authenticate"] == "Bearer"


async def test_a_token_ends(send: Send, running: RunningTwin) -> None:
    """When it is made void, and when its time is up."""
    running.twin.expire_tokens()
    assert (await send("POST", INGEST, batch(), headers=AUTH))[0] == 401
    running.twin.world.grants["ya29.test"] = Grant(NOW, frozenset({SCOPE}))
    assert (await send("POST", INGEST, batch(), headers=AUTH))[0] == 401


async def test_a_token_for_something_else_is_forbidden(send: Send, running: RunningTwin) -> None:
    """Scopes are checked apart from the token itself."""
    running.twin.world.grants["ya29.test"] = Grant(
        NOW + 9, frozenset({SCOPE.replace("datamanager", "adwords")})
    )
    status, body, _ = await send("POST", INGEST, batch(), headers=AUTH)
    assert (status, body["error"]["status"]) == (403, "PERMISSION_DENIED")
    assert body["error"]["details"][0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"


async def test_an_account_without_access_is_forbidden(send: Send, running: RunningTwin) -> None:
    """Only the accounts in the settings may be written to, if there are any."""
    running.twin.configure("google_ads", ids=frozenset({"999"}))
    assert (await send("POST", INGEST, batch(), headers=AUTH))[0] == 403
    running.twin.configure("google_ads", ids=frozenset({"1234567890"}))
    assert (await send("POST", INGEST, batch(), headers=AUTH))[0] == 200


async def test_one_bad_event_fails_the_whole_request(send: Send, running: RunningTwin) -> None:
    """The envelope is Google's, names the event by index, and repeats no value."""
    bad = conversion("T-3", userData={"userIdentifiers": [{"emailAddress": "ola@example.no"}]})
    status, body, _ = await send("POST", INGEST, batch(conversion(), conversion("T-2"), bad), headers=AUTH)
    error = body["error"]
    assert (status, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")
    info, bad_request, request_info = error["details"]
    assert info["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"
    assert info["domain"] == "datamanager.googleapis.com"
    assert request_info["requestId"].startswith("t-")
    assert bad_request["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    (violation,) = bad_request["fieldViolations"]
    assert violation["field"] == "events.events[2].user_data.user_identifiers[0].email_address"
    assert violation["reason"] == "INVALID_HEX_ENCODING"
    assert "ola@example.no" not in str(body)
    (recorded,) = running.twin.requests()
    assert (recorded.events, recorded.accepted) == (3, 0)
    assert recorded.errors == (f"INVALID_HEX_ENCODING {violation['field']}",)


async def test_more_than_2000_events_are_too_many(send: Send) -> None:
    """The limit of one request."""
    status, body, _ = await send("POST", INGEST, batch(*[conversion()] * 2001), headers=AUTH)
    assert status == 400
    assert body["error"]["details"][1]["fieldViolations"][0]["reason"] == "TOO_MANY_EVENTS"


async def test_bad_json_is_an_invalid_argument(send: Send) -> None:
    """Not a server error."""
    status, body, _ = await send("POST", INGEST, b"{", headers=AUTH)
    assert (status, body["error"]["status"]) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("query", "status", "word"),
    [("", 400, "INVALID_ARGUMENT"), ("?requestId=never-issued", 404, "NOT_FOUND")],
)
async def test_status_of_nothing(send: Send, query: str, status: int, word: str) -> None:
    """No id is a bad request; an unknown one is not found."""
    answered, body, _ = await send("GET", STATUS + query, headers=AUTH)
    assert (answered, body["error"]["status"]) == (status, word)
    if status == 400:
        (violation,) = body["error"]["details"][1]["fieldViolations"]
        assert (violation["field"], violation["reason"]) == ("request_id", "REQUIRED_FIELD_MISSING")


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (conversion(gclid="invalid-1"), "INVALID_GCLID"),
        (conversion(adIdentifiers={"wbraid": "invalid"}), "INVALID_WBRAID"),
        (conversion(consent={"adUserData": "CONSENT_DENIED"}), "DENIED_CONSENT"),
        (conversion(eventTimestamp="2026-08-01T10:00:00Z"), "EVENT_TOO_OLD"),
    ],
)
async def test_some_events_are_accepted_and_refused_later(
    send: Send, event: dict[str, Any], reason: str
) -> None:
    """With 200 at first; only the status tells, as a count by reason."""
    request_id = await ingest(send, batch(conversion(), event))
    await poll(send, request_id)
    final = await poll(send, request_id)
    assert final["requestStatus"] == "PARTIAL_SUCCESS"
    counts = [{"recordCount": "1", "reason": f"PROCESSING_ERROR_REASON_{reason}"}]
    assert final["errorInfo"] == {"errorCounts": counts}


async def test_a_request_of_invented_click_ids_ends_failed(send: Send) -> None:
    """When no event of a request survives."""
    request_id = await ingest(send, batch(conversion(gclid="invalid")))
    await poll(send, request_id)
    assert (await poll(send, request_id))["requestStatus"] == "FAILED"


async def test_late_refusals_and_patience_can_be_asked_for(send: Send, running: RunningTwin) -> None:
    """How often it is still processing, and how many events fail for which reason."""
    reason = "PROCESSING_ERROR_REASON_CLICK_NOT_FOUND"
    running.twin.configure("google_ads", options={"processing_polls": 3, "late_refusals": {reason: 2}})
    request_id = await ingest(send, batch(conversion("1"), conversion("2"), conversion("3")))
    states = [(await poll(send, request_id))["requestStatus"] for _ in range(4)]
    assert states == ["PROCESSING"] * 3 + ["PARTIAL_SUCCESS"]
    assert (await poll(send, request_id))["errorInfo"]["errorCounts"] == [
        {"recordCount": "2", "reason": reason}
    ]


async def test_a_mere_check_has_no_status_and_counts_nothing(send: Send, running: RunningTwin) -> None:
    """``validateOnly`` is answered as if taken."""
    request_id = await ingest(send, batch(validateOnly=True))
    assert (await send("GET", f"{STATUS}?requestId={request_id}", headers=AUTH))[0] == 404
    assert running.twin.tally("google_ads").accepted == 0


async def test_one_transaction_may_be_two_conversions(send: Send, running: RunningTwin) -> None:
    """The dedupe key is the conversion action with the transaction id, strict or not."""
    for strict in (True, False):
        running.twin.world.strict = strict
        running.twin.clear()
        for action in ("1", "2", "1"):
            body = batch()
            body["destinations"][0]["productDestinationId"] = action
            await ingest(send, body)
        tally = running.twin.tally("google_ads")
        assert (tally.accepted, tally.duplicates) == (3, 1)


async def test_a_token_of_the_token_address_opens_the_door(send: Send) -> None:
    """The two services of one twin know of each other."""
    form = {"grant_type": "refresh_token", "client_id": "c", "client_secret": "s", "refresh_token": "r"}
    _, grant, _ = await send("POST", "/oauth2.googleapis.com/token", data=form)
    headers = {"Authorization": f"Bearer {grant['access_token']}"}
    assert (await send("POST", INGEST, batch(), headers=headers))[0] == 200


async def test_the_account_type_says_whose_request_it_is(send: Send, running: RunningTwin) -> None:
    """So that faults and counts of two forwarders on one host stay apart, status calls included."""
    request_id = await ingest(send, batch(kind="FLOODLIGHT_CONFIG"))
    await poll(send, request_id)
    assert [item.vendor for item in running.twin.requests()] == ["campaign_manager", "campaign_manager"]


async def test_wrong_methods(send: Send) -> None:
    """Ingestion is POST, status is GET."""
    assert (await send("GET", INGEST, headers=AUTH))[0] == 405
    assert (await send("POST", STATUS, {}, headers=AUTH))[0] == 405
