"""What ``POST /collect`` refuses: with a reason from the closed list, readable by the page, counted, and echoing nobody."""

import json
from typing import Any

import pytest

from proxy.metrics import EVENTS_INVALID
from proxy.reasons import Fault, Invalid
from tests.support.rig import ORIGIN, PAGE, Rig, event

HOUR_MS = 3_600_000
PERSON = "kari.nordmann@example.no"


def invalid(reason: Invalid) -> float:
    """Return how many were counted as invalid for that reason."""
    return float(EVENTS_INVALID.labels("shop", reason.value)._value.get())


def nested(levels: int) -> Any:
    """Return a value of so many levels."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


NOT_EVENTS = [
    ({}, "name"),
    (event(""), "name"),
    (event("a" * 41), "name"),
    (event("2fast"), "name"),
    (event("with blank"), "name"),
    (event("kjøp"), "name"),
    (event("purchase\n"), "name"),
    ({"name": None}, "name"),
    ({"name": 5}, "name"),
    ({"name": ["purchase"]}, "name"),
    ([], "type"),
    ([event()], "type"),
    (None, "type"),
    (0, "type"),
    ("purchase", "type"),
    (event(params=[1]), "type"),
    (event(params={"a": {"b": 1}}), "type"),
    (event(params={"items": {"item_id": "S"}}), "type"),
    (event(params={"items": ["S"]}), "type"),
    (event(params={"items": [{"item_id": ["S"]}]}), "type"),
    (event(params={"value": "many"}), "type"),
    (event(params={"value": True}), "type"),
    (event(params={"currency": "kroner"}), "type"),
    (event(params={"currency": 578}), "type"),
    (event(page="https://shop.example/"), "type"),
    (event(page={"url": 1}), "type"),
    (event(event_id=7), "type"),
    (event(user_data=[]), "type"),
    (event(user_data={"email": 1}), "type"),
    (event(user_id={}), "type"),
    (event(consent="granted"), "type"),
    (event(consent={"ad_storage": "yes"}), "type"),
    (event(consent={"ad_storage": True}), "type"),
    (event(consent={"marketing": "granted"}), "type"),
    (event(client=[]), "type"),
    (event(ids={"gclid": 1}), "type"),
    (event(timestamp="now"), "timestamp"),
    (event(timestamp=True), "timestamp"),
    (event(timestamp=1.5), "timestamp"),
    (event(timestamp=-1), "timestamp"),
    (event(timestamp=10**30), "timestamp"),
    (event(event_id="e" * 129), "too_large"),
    (event(page={"url": "https://shop.example/" + "a" * 5000}), "too_large"),
    (event(params={"a": "a" * 5000}), "too_large"),
    (event(params={"a" * 129: 1}), "too_large"),
    (event(ids={"gclid": "a" * 601}), "too_large"),
    (event(params={f"p{n}": n for n in range(101)}), "too_many"),
    (event(params={"items": [{}] * 201}), "too_many"),
    (event(ids={f"i{n}": "1" for n in range(41)}), "too_many"),
    (event(user_properties={f"p{n}": n for n in range(51)}), "too_many"),
]


@pytest.mark.parametrize(("raw", "reason"), NOT_EVENTS, ids=range(len(NOT_EVENTS)))
async def test_what_is_no_event_is_400_with_its_reason(rig: Rig, raw: object, reason: str) -> None:
    """Alone, and as the only one of a list: the same answer, nothing stored, one more counted."""
    before = invalid(Invalid(reason))
    for body in (raw, {"events": [raw]}):
        answer = await rig.post("/collect", json.dumps(body).encode())
        assert answer.status == 400
        assert answer.json["reason"] == reason
        assert [(one["index"], one["reason"]) for one in answer.json["invalid"]] == [(0, reason)]
        assert answer.json["accepted"] == 0
        assert answer.json["detail"]
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert invalid(Invalid(reason)) == before + 2
    assert not await rig.keys("*:out:*")
    assert await rig.counts() == {}


@pytest.mark.parametrize(
    ("ago_ms", "status"),
    [
        (0, 204),
        (71 * HOUR_MS, 204),
        (73 * HOUR_MS, 400),
        (-4 * 60_000, 204),
        (-6 * 60_000, 400),
        (0.0, 204),
    ],
)
async def test_events_are_at_most_72_hours_old_and_5_minutes_ahead(
    rig: Rig, ago_ms: float, status: int
) -> None:
    """Older ones no vendor takes; newer ones no honest clock makes."""
    answer = await rig.post("/collect", event(timestamp=rig.clock() - ago_ms))
    assert answer.status == status
    if status == 400:
        assert answer.json["reason"] == "timestamp"


async def test_a_clock_that_is_ahead_makes_no_event_of_the_future(rig: Rig) -> None:
    """Up to five minutes are forgiven, and the event happened now."""
    await rig.post(
        "/collect", event(timestamp=rig.clock() + 120_000, consent={"analytics_storage": "granted"})
    )
    (entry,) = await rig.entries("shop", "google_analytics")
    assert entry.made_ms <= rig.clock()


BODIES = [
    (b"", 400, "malformed"),
    (b"{", 400, "malformed"),
    (b"name=purchase", 400, "malformed"),
    (b"\xff\xfe{}", 400, "malformed"),
    (b'{"name": "x", "params": {"a": NaN}}', 400, "malformed"),
    (b'{"name": "\\ud800"}', 400, "malformed"),
    (b"\x00" * 100, 400, "malformed"),
    (b'{"name": "page_view"} {"name": "page_view"}', 400, "malformed"),
    (b'{"events": []}', 400, "no_events"),
    (b'{"events": {}}', 400, "type"),
    (b'{"events": null}', 400, "type"),
    (json.dumps({"events": [event()] * 101}).encode(), 413, "too_many"),
    (json.dumps(event(title="a" * 70_000)).encode(), 413, "too_large"),
    (b" " * 65_537, 413, "too_large"),
    (json.dumps(event(params={"a": nested(20)})).encode(), 400, "too_deep"),
    (b"[" * 30_000 + b"]" * 30_000, 400, "too_deep"),
    (b'{"a":' * 8_000 + b"1" + b"}" * 8_000, 400, "too_deep"),
]


@pytest.mark.parametrize(("body", "status", "reason"), BODIES, ids=range(len(BODIES)))
async def test_a_body_that_holds_no_events_is_refused(
    rig: Rig, body: bytes, status: int, reason: str
) -> None:
    """Whatever is wrong with it as a whole, the page can read what."""
    answer = await rig.post("/collect", body, {"Content-Type": "application/json"})
    assert (answer.status, answer.json["reason"]) == (status, reason)
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert await rig.counts() == {}


async def test_the_largest_body_is_64_kib_to_the_byte(rig: Rig) -> None:
    """A beacon has no more room either."""
    raw = json.dumps(event()).encode()
    assert (await rig.post("/collect", raw.ljust(65_536))).status == 204
    answer = await rig.post("/collect", raw.ljust(65_537))
    assert (answer.status, answer.json["reason"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Content-Type", "multipart/form-data; boundary=x"),
        ("Content-Type", "text/html"),
        ("Content-Type", ""),
        ("Content-Encoding", "gzip"),
        ("Content-Encoding", "br"),
    ],
)
async def test_other_media_are_415(rig: Rig, header: str, value: str) -> None:
    """JSON, as JSON or as text, and nothing compressed."""
    answer = await rig.post("/collect", b"{}", {"Content-Type": "application/json", header: value})
    assert (answer.status, answer.json["reason"]) == (415, "media_type")
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/collect/",
        "/Collect",
        "/collect/x",
        "//collect",
        "/admin",
        "/metrics",
        "/../etc/passwd",
        "/consent/1",
    ],
)
async def test_an_unknown_route_is_404(rig: Rig, path: str) -> None:
    """Readable by a listed page all the same, so that its developer sees what is wrong."""
    for method in ("GET", "POST"):
        answer = await rig.request(method, path, None, PAGE)
        assert (answer.status, answer.json["reason"]) == (404, "unknown_route")
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/collect", {"POST", "GET", "OPTIONS"}),
        ("DELETE", "/collect", {"POST", "GET", "OPTIONS"}),
        ("PATCH", "/consent", {"POST", "GET", "DELETE", "OPTIONS"}),
        ("TRACE", "/consent", {"POST", "GET", "DELETE", "OPTIONS"}),
        ("POST", "/.well-known/gpc.json", {"GET", "OPTIONS"}),
    ],
)
async def test_another_method_is_405_with_those_that_there_are(
    rig: Rig, method: str, path: str, allow: set[str]
) -> None:
    """As HTTP wants it, in ``Allow``."""
    answer = await rig.request(method, path, None, PAGE)
    assert (answer.status, answer.json["reason"]) == (405, "method")
    assert set(answer.headers["Allow"].split(", ")) == allow
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


ECHOES = [
    {"name": PERSON},
    {PERSON: 1},
    event(params={PERSON: {"a": 1}}),
    event(params={PERSON * 20: 1}),
    event(params={"currency": PERSON}),
    event(params={"value": PERSON}),
    event(event_id=PERSON * 20),
    event(timestamp=PERSON),
    event(user_id=PERSON * 20),
    event(user_data={"email": PERSON * 20}),
    event(user_data={"email": [PERSON]}),
    event(user_properties={PERSON: [PERSON]}),
    event(consent={PERSON: "granted"}),
    event(consent={"ad_storage": PERSON}),
    event(ids={PERSON: 1}),
    event(ids={PERSON: "a" * 700}),
    {"events": PERSON},
    [PERSON],
    PERSON,
]


@pytest.mark.parametrize("body", ECHOES, ids=range(len(ECHOES)))
async def test_no_answer_echoes_what_was_sent(
    rig: Rig, body: object, everything_logged: pytest.LogCaptureFixture
) -> None:
    """A mistaken field may hold a person, under any name and in any place; neither answer nor log repeats it."""
    for path in ("/collect", "/consent"):
        answer = await rig.post(path, body)
        assert 400 <= answer.status < 500, path
        assert b"kari" not in answer.body.lower()
        assert set(answer.json) <= {"reason", "detail", "accepted", "invalid"}
    ours = [record.getMessage() for record in everything_logged.records if record.name.startswith("sayso")]
    assert "kari" not in "".join(ours).lower()


async def test_refused_requests_are_counted_by_reason(rig: Rig) -> None:
    """``sayso_events_invalid_total`` tells an operator why a site's events do not come through."""
    cases: list[tuple[Invalid, bytes, dict[str, str | None]]] = [
        (Invalid.MALFORMED, b"{", {}),
        (Invalid.TOO_LARGE, b" " * 70_000, {}),
        (Invalid.TOO_MANY, json.dumps({"events": [event()] * 101}).encode(), {}),
        (Invalid.TOO_DEEP, b"[" * 20_000 + b"]" * 20_000, {}),
        (Invalid.ORIGIN, b"{}", {"Origin": "https://evil.example"}),
        (Invalid.TYPE, b"{}", {"Content-Type": "text/css"}),
    ]
    for reason, body, headers in cases:
        before = invalid(reason)
        await rig.post("/collect", body, {"Content-Type": "application/json", **headers})
        assert invalid(reason) == before + 1, reason


def test_each_reason_of_a_refusal_is_from_the_closed_list() -> None:
    """The reasons that these tests know are those that the code can give."""
    known = {reason for _, reason in NOT_EVENTS} | {reason for _, _, reason in BODIES}
    assert known <= set(Fault) | set(Invalid)
