"""Meta: what its answers mean, by the codes that Meta documents and those that senders report."""

import orjson
import pytest

from forwarders.base import Response
from forwarders.meta import Meta
from forwarders.verdicts import Delivered, Pause, Refused, Retry, Split, Verdict
from tests.support.events import STANZAS

META = Meta.build(STANZAS["meta"])


def error(code: int, subcode: int | None = None, **more: object) -> dict[str, object]:
    """Return an error as the Graph API answers it."""
    inner: dict[str, object] = {
        "message": "Invalid parameter",
        "type": "OAuthException",
        "code": code,
        "fbtrace_id": "A2",
        **more,
    }
    if subcode is not None:
        inner["error_subcode"] = subcode
    return {"error": inner}


USAGE = '{"123":[{"type":"ads_management","call_count":100,"estimated_time_to_regain_access":3}]}'
TOO_OLD = "100/2804003 OAuthException: Invalid parameter (Event Timestamp Too Old)"

# title: (status, JSON, headers, events in the batch, what it means)
ANSWERS: dict[str, tuple[int, object, dict[str, str], int, Verdict]] = {
    "taken": (200, {"events_received": 2, "messages": [], "fbtrace_id": "A1"}, {}, 2, Delivered()),
    "fewer counted than sent is not sent again": (200, {"events_received": 1}, {}, 2, Delivered()),
    "an empty 200, as a plain sink gives": (200, None, {}, 2, Delivered()),
    "a page in place of an answer": (200, None, {"content-type": "text/html"}, 2, Retry("HTTP 200")),
    "one of several is too old": (400, error(100, 2804003, error_user_title="Event Timestamp Too Old"), {}, 2, Split(TOO_OLD)),
    "it is too old": (400, error(100, 2804003, error_user_title="Event Timestamp Too Old"), {}, 1, Refused(TOO_OLD)),
    "some invalid parameter": (400, error(100), {}, 8, Split("100 OAuthException: Invalid parameter")),
    "too many parameters": (400, error(105), {}, 1, Refused("105 OAuthException: Invalid parameter")),
    "no such dataset": (400, error(100, 33), {}, 1, Pause("100/33 OAuthException: Invalid parameter")),
    "the token has expired": (401, error(190, 463), {}, 5, Pause("190/463 OAuthException: Invalid parameter")),
    "the token is invalid, with 400": (400, error(190, 467), {}, 1, Pause("190/467 OAuthException: Invalid parameter")),
    "the session has ended": (400, error(102), {}, 1, Pause("102 OAuthException: Invalid parameter")),
    "no permission": (403, error(200), {}, 1, Pause("200 OAuthException: Invalid parameter")),
    "no capability": (400, error(3), {}, 1, Pause("3 OAuthException: Invalid parameter")),
    "permission denied": (403, error(10), {}, 1, Pause("10 OAuthException: Invalid parameter")),
    "the API version has ended": (400, error(2635), {}, 9, Pause("2635 OAuthException: Invalid parameter")),
    "an unknown refusal of access": (403, error(9999), {}, 2, Pause("9999 OAuthException: Invalid parameter")),
    "unknown trouble": (500, error(1), {}, 2, Retry("1 OAuthException: Invalid parameter")),
    "out of service": (503, error(2), {"retry-after": "7"}, 2, Retry("2 OAuthException: Invalid parameter", 7.0)),
    "transient, whatever its code": (400, error(9999, is_transient=True), {}, 2, Retry("9999 OAuthException: Invalid parameter")),
    "the dataset is not ready": (400, error(5000), {}, 2, Retry("5000 OAuthException: Invalid parameter")),
    "too many calls by the app": (400, error(4, 1504022), {}, 2, Retry("4/1504022 OAuthException: Invalid parameter", 60.0)),
    "too many calls by the user": (403, error(17, 2446079), {}, 2, Retry("17/2446079 OAuthException: Invalid parameter", 60.0)),
    "a business's limit, with Meta's estimate": (
        400, error(80004, 2446079), {"x-business-use-case-usage": USAGE}, 2,
        Retry("80004/2446079 OAuthException: Invalid parameter", 180.0),
    ),
    "a limit with an unreadable estimate": (
        429, error(613), {"x-business-use-case-usage": "{", "retry-after": "90"}, 2,
        Retry("613 OAuthException: Invalid parameter", 90.0),
    ),
    "429 without a word": (429, None, {}, 2, Retry("HTTP 429", 60.0)),
    "429 that says how long": (429, None, {"retry-after": "2"}, 2, Retry("HTTP 429", 2.0)),
    "429 that says until when": (429, None, {"retry-after": "Mon, 23 Nov 2026 10:00:00 GMT"}, 2, Retry("HTTP 429")),
    "a limit that says how long": (400, error(4), {"retry-after": "5"}, 2, Retry("4 OAuthException: Invalid parameter", 5.0)),
    "a gateway's page": (502, None, {"content-type": "text/html"}, 2, Retry("HTTP 502")),
    "a page with 400": (400, None, {"content-type": "text/html"}, 2, Retry("HTTP 400")),
    "403 without a word": (403, None, {}, 2, Pause("HTTP 403")),
    "an unknown error with 400": (400, error(9999), {}, 2, Split("9999 OAuthException: Invalid parameter")),
    "an unknown error with 500": (500, error(9999), {}, 2, Retry("9999 OAuthException: Invalid parameter")),
    "too large": (413, None, {}, 2, Split("HTTP 413")),
    "one alone, too large": (413, None, {}, 1, Refused("HTTP 413")),
    "an error of another shape": (400, {"error": "no"}, {}, 1, Refused("HTTP 400")),
    "a code that is none": (400, {"error": {"code": [190], "error_subcode": {}}}, {}, 1, Refused("no code")),
    "an error with nothing in it": (400, {"error": {}}, {}, 1, Refused("no code")),
}  # fmt: skip


@pytest.mark.parametrize(
    ("status", "json", "headers", "count", "verdict"), list(ANSWERS.values()), ids=list(ANSWERS)
)
def test_what_an_answer_means(
    status: int, json: object, headers: dict[str, str], count: int, verdict: Verdict
) -> None:
    """By code first, as Meta sends the same status for very different things."""
    body = b"" if json is None else orjson.dumps(json)
    assert META.read(Response(status, headers, body, json), count) == verdict


def test_meta_s_words_hold_no_value_of_the_event() -> None:
    """Meta may quote what it did not like."""
    answer = error(
        100,
        2804019,
        message=f"fbc fb.1.1795169000001.{'A1' * 20} of kari@example.no at https://shop.example/x",
    )
    verdict = META.read(Response(400, {}, b"", answer), 1)
    assert verdict == Refused("100/2804019 OAuthException: fbc … of … at …")
