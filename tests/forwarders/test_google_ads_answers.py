"""Google Ads: what the answers of the Data Manager API and its late reports mean."""

from collections.abc import Mapping
from typing import Any

import pytest

from forwarders.base import Response
from forwarders.google_ads import GoogleAds
from forwarders.verdicts import (
    AskAgain,
    Delivered,
    FollowUpVerdict,
    LateAnswer,
    Pause,
    Refused,
    Renew,
    Resend,
    Retry,
    Split,
    Verdict,
)
from tests.support.events import STANZAS

ADS = GoogleAds.build(STANZAS["google_ads"])

# --- answers --------------------------------------------------------------------------------------------------------

TYPE = "type.googleapis.com/google.rpc."


def answer(status: int, body: object, **headers: str) -> Response:
    """Return an answer with a JSON body."""
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, b"", body)


def error(status: int, word: str, *details: Mapping[str, Any], **headers: str) -> Response:
    """Return Google's error envelope, with a message that quotes a value, as Google's may."""
    body = {
        "code": status,
        "status": word,
        "message": "Bad value kari@shop.example",
        "details": list(details),
    }
    return answer(status, {"error": body}, **headers)


def violations(*listed: tuple[str, str]) -> dict[str, Any]:
    """Return the detail that names fields."""
    return {
        "@type": TYPE + "BadRequest",
        "fieldViolations": [
            {"reason": reason, "field": field, "description": "Value kari@shop.example is wrong"}
            for reason, field in listed
        ],
    }


def info(reason: str) -> dict[str, Any]:
    """Return the detail that names a reason for the whole request."""
    return {
        "@type": TYPE + "ErrorInfo",
        "reason": reason,
        "domain": "datamanager.googleapis.com",
        "metadata": {},
    }


GCLID = "events.events[1].ad_identifiers.gclid"
ANSWERS: list[tuple[str, Response, int, Verdict]] = [
    ("taken", answer(200, {"requestId": "abc-1"}), 3, Delivered(follow_up="abc-1")),
    ("taken, with a warning", answer(200, {"requestId": "abc-1", "fieldWarnings": [{"reason": "X"}]}), 1,
     Delivered(follow_up="abc-1")),
    ("taken, without an id", answer(200, {}), 1, Delivered()),
    ("taken, with an odd body", answer(200, ["x"]), 1, Delivered()),
    ("one bad event of three", error(400, "INVALID_ARGUMENT", info("INVALID_ARGUMENT"),
     violations(("INVALID_FORMAT", GCLID))), 3, Resend({1: f"INVALID_FORMAT {GCLID}"})),
    ("two bad events, one with two faults", error(400, "INVALID_ARGUMENT", violations(
        ("EVENT_TIME_INVALID", "events.events[0].event_timestamp"), ("INVALID_FORMAT", GCLID),
        ("INVALID_CURRENCY_CODE", "events.events[1].currency"))), 3,
     Resend({0: "EVENT_TIME_INVALID events.events[0].event_timestamp", 1: f"INVALID_FORMAT {GCLID}"})),
    ("an event named without the outer field", error(400, "INVALID_ARGUMENT", violations(
        ("INVALID_FORMAT", "events[0].currency"))), 1, Resend({0: "INVALID_FORMAT events[0].currency"})),
    ("an event that was not sent", error(400, "INVALID_ARGUMENT", violations(("INVALID_FORMAT", GCLID))), 1,
     Refused(f"INVALID_FORMAT {GCLID}")),
    ("a click of another account", error(400, "INVALID_ARGUMENT", violations(
        ("INVALID_AD_IDENTIFIER_FOR_ACCOUNT", GCLID))), 2, Resend({1: f"INVALID_AD_IDENTIFIER_FOR_ACCOUNT {GCLID}"})),
    ("no event named, many sent", error(400, "INVALID_ARGUMENT", violations(("TOO_MANY_EVENTS", "events"))), 2000,
     Split("TOO_MANY_EVENTS events")),
    ("no event named, one sent", error(400, "INVALID_ARGUMENT", violations(("INVALID_FORMAT", "encoding"))), 1,
     Refused("INVALID_FORMAT encoding")),
    ("no detail, many sent", error(400, "FAILED_PRECONDITION"), 2, Split("HTTP 400 FAILED_PRECONDITION")),
    ("no detail, one sent", answer(400, None), 1, Refused("HTTP 400")),
    ("a field that is a value", error(400, "INVALID_ARGUMENT", violations(("INVALID_FORMAT", "kari@shop.example"))),
     1, Refused("INVALID_FORMAT")),
    ("a reason in words", error(400, "INVALID_ARGUMENT", violations(("Bad kari@shop.example", GCLID))), 2,
     Resend({1: f"INVALID_ARGUMENT {GCLID}"})),
    ("too large", answer(413, None), 2, Split("HTTP 413")),
    ("terms not signed", error(400, "INVALID_ARGUMENT", info("TERMS_AND_CONDITIONS_NOT_SIGNED")), 5,
     Pause("TERMS_AND_CONDITIONS_NOT_SIGNED")),
    ("no such action", error(400, "INVALID_ARGUMENT", violations(
        ("INVALID_CONVERSION_ACTION_ID", "destinations[0].product_destination_id"))), 5,
     Pause("INVALID_CONVERSION_ACTION_ID destinations[0].product_destination_id")),
    ("enhanced conversions off, named at each event", error(400, "INVALID_ARGUMENT", violations(
        ("INVALID_FORMAT", GCLID),
        ("DESTINATION_ACCOUNT_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS", "events.events[0].user_data"))), 2,
     Pause("DESTINATION_ACCOUNT_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS events.events[0].user_data")),
    ("anything else about the account", error(400, "INVALID_ARGUMENT", violations(
        ("SOMETHING_NEW", "destinations[0].login_account"))), 2,
     Pause("SOMETHING_NEW destinations[0].login_account")),
    ("a new action", error(400, "FAILED_PRECONDITION", violations(
        ("CONVERSION_ACTION_TOO_RECENTLY_CREATED", "destinations[0]"))), 2,
     Retry("CONVERSION_ACTION_TOO_RECENTLY_CREATED", 3600.0)),
    ("token refused", error(401, "UNAUTHENTICATED"), 2,
     Renew("HTTP 401 UNAUTHENTICATED: Bad value …")),
    ("API not enabled", error(403, "PERMISSION_DENIED", info("SERVICE_DISABLED")), 2,
     Pause("HTTP 403 SERVICE_DISABLED: Bad value …")),
    ("no such place", answer(404, None), 2, Pause("HTTP 404")),
    ("aborted", error(409, "ABORTED"), 2, Retry("HTTP 409 ABORTED")),
    ("too much, with a delay", error(429, "RESOURCE_EXHAUSTED", {"@type": TYPE + "RetryInfo", "retryDelay": "3.5s"},
     retry_after="60"), 2, Retry("HTTP 429 RESOURCE_EXHAUSTED", 3.5)),
    ("too much, with a header", error(429, "RESOURCE_EXHAUSTED", retry_after="60"), 2,
     Retry("HTTP 429 RESOURCE_EXHAUSTED", 60.0)),
    ("internal", error(500, "INTERNAL", info("INTERNAL_ERROR")), 2, Retry("HTTP 500 INTERNAL_ERROR")),
    ("away", answer(503, None), 2, Retry("HTTP 503")),
]  # fmt: skip


@pytest.mark.parametrize(("case", "response", "count", "verdict"), ANSWERS, ids=[one[0] for one in ANSWERS])
def test_what_an_answer_means(case: str, response: Response, count: int, verdict: Verdict) -> None:
    """By who must act; what is kept of Google's words quotes no value."""
    assert ADS.read(response, count) == verdict
    assert "kari" not in repr(verdict)


# --- late reports ---------------------------------------------------------------------------------------------------


def test_a_report_is_asked_for_by_its_id() -> None:
    """With the same token."""
    request = ADS.follow_up("abc-1")
    assert (request.method, request.body) == ("GET", None)
    assert request.url == "https://datamanager.googleapis.com/v1/requestStatus:retrieve"
    assert request.query == [("requestId", "abc-1")]


def report(*statuses: Mapping[str, Any]) -> Response:
    """Return a report of these destinations."""
    return answer(200, {"requestStatusPerDestination": list(statuses)})


def counted(*reasons: tuple[str, str]) -> dict[str, Any]:
    """Return error counts."""
    return {"errorCounts": [{"reason": reason, "recordCount": number} for reason, number in reasons]}


TOLD = {"eventsIngestionStatus": {"recordCount": "10"}}
BAD_GCLID = ("PROCESSING_ERROR_REASON_INVALID_GCLID", "3")
REPORTS: list[tuple[str, Response, int, FollowUpVerdict]] = [
    ("all well", report({"requestStatus": "SUCCESS", **TOLD}), 1, LateAnswer({})),
    ("some refused", report({"requestStatus": "PARTIAL_SUCCESS", "errorInfo": counted(
        BAD_GCLID, ("PROCESSING_ERROR_REASON_DENIED_CONSENT", "1")), **TOLD}), 1,
     LateAnswer({"INVALID_GCLID": 3, "DENIED_CONSENT": 1})),
    ("all refused", report({"requestStatus": "FAILED", "errorInfo": counted(BAD_GCLID)}), 2,
     LateAnswer({"INVALID_GCLID": 3})),
    ("all refused, no reason given", report({"requestStatus": "FAILED", **TOLD}), 2, LateAnswer({"FAILED": 10})),
    ("two destinations", report({"requestStatus": "FAILED", "errorInfo": counted(BAD_GCLID)},
     {"requestStatus": "FAILED", "errorInfo": counted(BAD_GCLID, ("a b", "2"), ("X", "many"), ("X", "-1"))}), 1,
     LateAnswer({"INVALID_GCLID": 6, "UNSPECIFIED": 2})),
    ("not done", report({"requestStatus": "PROCESSING"}), 1, AskAgain(2340.0)),
    ("one of two not done", report({"requestStatus": "SUCCESS"}, {"requestStatus": "PROCESSING"}), 2,
     AskAgain(2340.0 * 1.3)),
    ("not known yet", report({"requestStatus": "REQUEST_STATUS_UNKNOWN"}), 3, AskAgain(3600.0)),
    ("an empty report", answer(200, {}), 4, AskAgain(3600.0)),
    ("not done after a day", report({"requestStatus": "PROCESSING"}), 60, LateAnswer({})),
    ("partly done after a day", report({"requestStatus": "PROCESSING"},
     {"requestStatus": "FAILED", "errorInfo": counted(BAD_GCLID)}), 60, LateAnswer({"INVALID_GCLID": 3})),
    ("forgotten", error(404, "NOT_FOUND"), 1, LateAnswer({})),
    ("too old", error(400, "INVALID_ARGUMENT", info("REQUEST_TOO_OLD")), 1, LateAnswer({})),
    ("away", answer(503, None), 1, AskAgain(2340.0)),
    ("token refused", error(401, "UNAUTHENTICATED"), 1, AskAgain(2340.0)),
    ("away for a day", answer(503, None), 60, LateAnswer({})),
]  # fmt: skip


@pytest.mark.parametrize(("case", "response", "attempt", "verdict"), REPORTS, ids=[one[0] for one in REPORTS])
def test_what_a_late_report_means(
    case: str, response: Response, attempt: int, verdict: FollowUpVerdict
) -> None:
    """Refusals are counted under Google's reasons; a day without a final report counts none."""
    assert ADS.read_follow_up(response, attempt) == verdict


def test_asking_ends_after_a_day() -> None:
    """Every half hour to hour, some 24 times."""
    waited, attempt = ADS.follow_up_after_s, 1
    while isinstance(
        verdict := ADS.read_follow_up(report({"requestStatus": "PROCESSING"}), attempt), AskAgain
    ):
        assert 1800 <= verdict.after <= 3600
        waited += verdict.after
        attempt += 1
    assert 24 * 3600 <= waited < 25 * 3600
    assert attempt < 30
