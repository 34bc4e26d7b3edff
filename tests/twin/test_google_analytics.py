"""Google Analytics in the twin: 204 to everything, the truth in the record and from the validation server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from proxy.twin.app import RunningTwin
from proxy.twin.rules.measurement_protocol import validate

Send = Callable[..., Awaitable[tuple[int, Any, dict[str, str]]]]

NOW = 1_795_341_600.0
MP = "/www.google-analytics.com/mp/collect?measurement_id=G-ABC123&api_secret=s3"
DEBUG = "/www.google-analytics.com/debug/mp/collect?measurement_id=G-ABC123&api_secret=s3"


def purchase(**changes: Any) -> dict[str, Any]:
    """Return a purchase of one item; arguments replace top-level fields."""
    body: dict[str, Any] = {
        "client_id": "957607842.1772467665",
        "timestamp_micros": 1_795_341_500_000_000,
        "consent": {"ad_user_data": "GRANTED", "ad_personalization": "DENIED"},
        "user_location": {"country_id": "NO"},
        "user_agent": "Mozilla/5.0",
        "events": [
            {
                "name": "purchase",
                "params": {
                    "session_id": "1795341000",
                    "engagement_time_msec": 100,
                    "transaction_id": "T-1",
                    "currency": "NOK",
                    "value": 499.0,
                    "items": [{"item_id": "SKU1", "item_name": "Genser", "price": 249.5, "quantity": 2}],
                },
            }
        ],
    }
    return body | changes


def one(name: str = "page_view", **params: Any) -> dict[str, Any]:
    """One event with these params."""
    return {"name": name, "params": params}


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        pytest.param(purchase(client_id=""), "VALUE_REQUIRED", "client_id", id="no client id"),
        pytest.param(purchase(events=[]), "VALUE_REQUIRED", "events", id="no events"),
        pytest.param(purchase(events=[one()] * 26), "EXCEEDED_MAX_ENTITIES", "events", id="26 events"),
        pytest.param(purchase(events=[one("_view")]), "NAME_INVALID", "events", id="name starts with _"),
        pytest.param(purchase(events=[one("a" * 41)]), "NAME_INVALID", "events", id="name of 41 characters"),
        pytest.param(purchase(events=[one("session_start")]), "NAME_RESERVED", "events", id="reserved event"),
        pytest.param(
            purchase(events=[one(ga_x="1")]), "NAME_RESERVED", "events[0].params.ga_x", id="reserved param"
        ),
        pytest.param(
            purchase(events=[one(a="x" * 101)]),
            "VALUE_OUT_OF_BOUNDS",
            "events[0].params.a",
            id="101 characters",
        ),
        pytest.param(
            purchase(events=[one(a={"b": 1})]), "VALUE_INVALID", "events[0].params.a", id="object value"
        ),
        pytest.param(
            purchase(events=[{"name": "page_view", "params": {f"p{i}": 1 for i in range(26)}}]),
            "EXCEEDED_MAX_ENTITIES",
            "events[0].params",
            id="26 params",
        ),
        pytest.param(
            purchase(timestamp_micros=int((NOW - 73 * 3600) * 1e6)),
            "VALUE_OUT_OF_BOUNDS",
            "timestamp_micros",
            id="73 hours old",
        ),
        pytest.param(
            purchase(consent={"ad_user_data": "granted"}),
            "VALUE_INVALID",
            "consent.ad_user_data",
            id="lower case",
        ),
        pytest.param(
            purchase(consent={"analytics_storage": "DENIED"}),
            "VALUE_INVALID",
            "consent.analytics_storage",
            id="no such consent key",
        ),
        pytest.param(purchase(gcs="G100"), "VALUE_INVALID", "gcs", id="unknown top-level field"),
        pytest.param(
            purchase(user_data={"sha256_email_address": ["ola@example.no"]}),
            "VALUE_INVALID",
            "user_data.sha256_email_address",
            id="e-mail in clear",
        ),
        pytest.param(
            purchase(user_properties={"ga_x": {"value": 1}}),
            "NAME_RESERVED",
            "user_properties",
            id="reserved property",
        ),
        pytest.param([], "VALUE_INVALID", "", id="not an object"),
    ],
)
def test_each_rule_of_the_measurement_protocol_is_told(body: Any, code: str, field: str) -> None:
    """By code and field path, as the validation server does."""
    assert (code, field) in [(item.code, item.field) for item in validate(body, NOW)]


def test_a_true_to_life_purchase_has_no_findings() -> None:
    """The good case that the others differ from by one thing."""
    assert validate(purchase(), NOW) == []


async def test_nonsense_is_answered_204_but_told_in_the_record(send: Send, running: RunningTwin) -> None:
    """Google answers 2xx to whatever arrives; nothing of it counts."""
    status, body, _ = await send("POST", MP, b"{nonsense")
    assert (status, body) == (204, b"")
    (recorded,) = running.twin.requests("google_analytics")
    assert recorded.errors == ("VALUE_INVALID",)
    assert recorded.accepted == 0


@pytest.mark.parametrize("host", ["www.google-analytics.com", "region1.google-analytics.com"])
async def test_a_good_event_counts(send: Send, running: RunningTwin, host: str) -> None:
    """On both hosts, with query and body recorded as sent."""
    status, _, _ = await send("POST", MP.replace("www.google-analytics.com", host), purchase())
    (recorded,) = running.twin.requests()
    assert (status, recorded.vendor, recorded.errors) == (204, "google_analytics", ())
    assert (recorded.events, recorded.accepted) == (1, 1)
    assert recorded.params == {"measurement_id": "G-ABC123", "api_secret": "s3"}
    assert recorded.json == purchase()


async def test_only_the_bad_event_of_a_batch_is_lost(send: Send, running: RunningTwin) -> None:
    """A reserved name costs its own event."""
    await send("POST", MP, purchase(events=[one(), one("session_start"), one("scroll")]))
    (recorded,) = running.twin.requests()
    assert (recorded.events, recorded.accepted) == (3, 2)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (MP, 405),
        (DEBUG, 405),
        ("/www.google-analytics.com/mp/other", 404),
        ("/region9.google-analytics.com/g/collect", 404),
    ],
)
async def test_only_the_http_request_itself_can_be_wrong(send: Send, target: str, status: int) -> None:
    """Method and address are all that Google refuses."""
    assert (await send("GET", target))[0] == status


@pytest.mark.parametrize(
    "target",
    ["/www.google-analytics.com/mp/collect?measurement_id=G-ABC123", MP.replace("s3", "wrong-secret")],
    ids=["no api secret", "wrong api secret"],
)
async def test_bad_credentials_are_silent_and_nothing_counts(
    send: Send, running: RunningTwin, target: str
) -> None:
    """Google answers 204 to these too; only the record tells."""
    status, _, _ = await send("POST", target, purchase())
    (recorded,) = running.twin.requests()
    assert status == 204
    assert recorded.accepted == 0
    assert "credentials" in recorded.errors


async def test_the_validation_server_lists_messages_and_records_no_event(
    send: Send, running: RunningTwin
) -> None:
    """Events sent there count nowhere."""
    assert (await send("POST", DEBUG, purchase()))[1] == {"validationMessages": []}
    status, body, _ = await send("POST", DEBUG, purchase(events=[one("_bad")]))
    assert status == 200
    (message,) = body["validationMessages"]
    assert (message["fieldPath"], message["validationCode"]) == ("events", "NAME_INVALID")
    assert "_bad" in message["description"]
    assert running.twin.tally("google_analytics").events == 0


async def test_the_validation_server_does_not_know_which_secrets_exist(send: Send) -> None:
    """It only sees that one is missing."""
    assert (await send("POST", DEBUG.replace("s3", "wrong"), purchase()))[1] == {"validationMessages": []}
    _, body, _ = await send(
        "POST", "/www.google-analytics.com/debug/mp/collect?measurement_id=G-1", purchase()
    )
    assert "[api_secret]" in body["validationMessages"][0]["description"]


@pytest.mark.parametrize(
    "host", ["www.google-analytics.com", "region1.google-analytics.com", "analytics.google.com"]
)
async def test_a_web_hit_is_answered_204(send: Send, running: RunningTwin, host: str) -> None:
    """By GET and POST, on all of Analytics' hosts."""
    hit = f"/{host}/g/collect?v=2&tid=G-A&cid=957607842.1772467665&en=page_view&gcs=G100&_uip=203.0.113.0"
    assert (await send("GET", hit))[:2] == (204, b"")
    assert (await send("POST", hit))[:2] == (204, b"")
    assert [item.accepted for item in running.twin.requests("google_analytics")] == [1, 1]


async def test_a_newline_batch_becomes_one_event_per_line(send: Send, running: RunningTwin) -> None:
    """Shared parameters come from the query, a line's own win, blank lines do not count."""
    target = "/www.google-analytics.com/g/collect?v=2&tid=G-A&cid=1.2&sid=7&dl=https%3A%2F%2Fshop.example%2F"
    lines = "en=page_view&_et=10\r\n\r\nen=purchase&ep.transaction_id=T-1&epn.value=9.5&sid=8\n"
    await send("POST", target, data=lines, headers={"Content-Type": "text/plain;charset=UTF-8"})
    (recorded,) = running.twin.requests()
    first, second = recorded.request.batch
    assert (first["en"], first["sid"], first["dl"]) == ("page_view", "7", "https://shop.example/")
    assert (second["en"], second["sid"], second["epn.value"]) == ("purchase", "8", "9.5")
    assert (recorded.events, recorded.accepted) == (2, 2)
    assert recorded.view()["batch"] == [first, second]


async def test_a_web_hit_without_what_google_needs_counts_for_nothing(
    send: Send, running: RunningTwin
) -> None:
    """Answered 204 all the same."""
    assert (await send("GET", "/www.google-analytics.com/g/collect?v=1&tid=G-A&en=page_view"))[0] == 204
    (recorded,) = running.twin.requests()
    assert recorded.errors == ("VALUE_REQUIRED cid", "VALUE_REQUIRED v")
    assert recorded.accepted == 0


GOOD_HIT = (
    "/www.google-analytics.com/g/collect?v=2&tid=G-A&cid=957607842.1772467665&sid=1772467664&_p=17&en=purchase"
    "&gcs=G111&dma=1&dma_cps=syphamo&epn.value=9.5&pr1=idA~pr9.5&_uip=203.0.113.0&uid=u-1&em=tv.1~em.x"
)


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ("", None),
        ("&tid=g-a", "VALUE_INVALID tid"),
        ("&en=bad%20name", "VALUE_INVALID en"),
        ("&sid=x", "VALUE_INVALID sid"),
        ("&gcs=G2", "VALUE_INVALID gcs"),
        ("&epn.value=much", "VALUE_INVALID epn"),
        ("&pr201=idA", "EXCEEDED_MAX_ENTITIES pr"),
        ("&pr1=pr9.5", "VALUE_REQUIRED pr"),
        ("&_uip=10.0.0.0", "VALUE_INVALID _uip"),
        ("&_uip=nowhere", "VALUE_INVALID _uip"),
        ("&sst.rnd=1", "VALUE_INVALID sst"),
        ("&gcs=G100", "DENIED user"),
        ("&dma_cps=-", "DENIED hashes"),
    ],
)
async def test_what_is_wrong_with_a_web_hit_is_told_in_the_record(
    send: Send, running: RunningTwin, more: str, error: str | None
) -> None:
    """Google itself would say nothing."""
    assert (await send("POST", GOOD_HIT + more))[0] == 204
    (recorded,) = running.twin.requests()
    assert recorded.errors == (() if error is None else (error,))


@pytest.mark.parametrize("header", ["Cookie", "X-Forwarded-For"])
async def test_a_web_hit_with_what_a_browser_would_add_is_told(
    send: Send, running: RunningTwin, header: str
) -> None:
    """Neither cookies nor the visitor's own address belong into what a server sends on."""
    await send("GET", GOOD_HIT, headers={header: "x"})
    (recorded,) = running.twin.requests()
    assert recorded.errors == (f"HEADER {header.lower()}",)


async def test_only_purchases_are_deduplicated(send: Send, running: RunningTwin) -> None:
    """Any other event sent twice counts twice, whatever ids it carries."""
    for _ in range(2):
        await send("POST", MP, purchase())
        await send("POST", MP, purchase(events=[one("sign_up", transaction_id="T-1")]))
    tally = running.twin.tally("google_analytics")
    assert (tally.accepted, tally.duplicates) == (4, 1)
