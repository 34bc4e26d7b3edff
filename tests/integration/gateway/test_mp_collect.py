"""``POST /mp/collect``: the Measurement Protocol from backends. Their key opens, their visitor's consent decides."""

import logging
from collections.abc import Mapping

import pytest

from tests.support.events import STANZAS
from tests.support.mp_requests import (
    CLIENT,
    KEY,
    PERSON,
    PURCHASE,
    SECOND,
    STREAM,
    body,
    debug,
    send,
)
from tests.support.rig import GRANT, ORIGIN, Browser, Rig, StartRig, site


@pytest.fixture
async def shop(start_rig: StartRig) -> Rig:
    """Return a gateway whose shop has a backend and the Google Analytics stream ``G-XXXXXXX``."""
    return await start_rig({"shop": site(ingest_keys=[KEY, "another-key"])})


@pytest.fixture
async def two_streams(start_rig: StartRig) -> Rig:
    """Return a gateway whose shop reports to two streams."""
    second = {"type": "google_analytics", "measurement_id": SECOND, "api_secret": "secret-of-the-second"}
    names = {"google_analytics": STANZAS["google_analytics"], "second": second, "meta": STANZAS["meta"]}
    return await start_rig({"shop": site(ingest_keys=[KEY], forwarders=names)})


async def granting(rig: Rig, consent: Mapping[str, str] = GRANT) -> Browser:
    """Return a visitor who has decided so."""
    browser = rig.browser()
    await browser.consent(consent)
    return browser


class TestTheKey:
    @pytest.mark.parametrize(
        ("query", "headers"),
        [
            (f"measurement_id={STREAM}&api_secret={KEY}", {}),
            (f"api_secret=another-key&measurement_id={STREAM}", {}),
            (f"measurement_id={STREAM}", {"Authorization": f"Bearer {KEY}"}),
            (f"measurement_id={STREAM}&api_secret=wrong", {"Authorization": f"Bearer {KEY}"}),
            (f"measurement_id={STREAM}&api_secret={KEY}", {"Origin": ORIGIN}),
        ],
    )
    async def test_it_opens_in_the_query_and_as_a_header(
        self, shop: Rig, query: str, headers: dict[str, str]
    ) -> None:
        answer = await send(shop, body(), query=query, headers=headers)
        assert (answer.status, answer.body) == (204, b"")
        assert (await shop.counts())["r|shop"] == 1

    @pytest.mark.parametrize("path", ["/mp/collect", "/debug/mp/collect"])
    @pytest.mark.parametrize(
        ("query", "headers"),
        [
            (f"measurement_id={STREAM}", {}),
            (f"measurement_id={STREAM}&api_secret=", {}),
            (f"measurement_id={STREAM}&api_secret=wrong-secret-of-nobody", {}),
            (f"measurement_id={STREAM}&API_SECRET={KEY}", {}),
            (f"measurement_id={STREAM}", {"Authorization": f"Basic {KEY}"}),
            (f"measurement_id={STREAM}", {"Origin": ORIGIN}),
            (f"measurement_id={STREAM}&api_secret={KEY}", {"Origin": "https://evil.example"}),
        ],
    )
    async def test_without_it_nothing_is_looked_at(
        self, shop: Rig, path: str, query: str, headers: dict[str, str]
    ) -> None:
        answer = await send(shop, b"{", query=query, headers=headers, path=path)
        assert (answer.status, answer.json["reason"]) == (403, "origin")
        assert KEY.encode() not in answer.body
        assert b"wrong-secret" not in answer.body
        assert "r|shop" not in await shop.counts()

    async def test_a_site_without_keys_takes_nothing(self, start_rig: StartRig) -> None:
        rig = await start_rig({"shop": site()})
        answer = await send(rig, body())
        assert answer.status == 403
        assert "ingest_keys" in answer.json["detail"]

    async def test_the_query_opens_no_other_route(self, shop: Rig) -> None:
        """A URL ends in logs on the way; only the protocol that has no other place for it may have it there."""
        answer = await shop.request("POST", f"/collect?api_secret={KEY}", {"name": "login"}, {})
        assert answer.status == 403

    async def test_the_key_and_what_was_sent_are_in_no_log(
        self, shop: Rig, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        await send(shop, body(**PERSON))
        await send(shop, body(client_id="canary@example.no"))
        await send(shop, b"{", query=f"api_secret={KEY}")
        await send(shop, body(), query="api_secret=wrong-secret-of-nobody")
        for secret in (KEY, "wrong-secret", "canary", CLIENT, "81.2.69"):
            assert secret not in caplog.text

    async def test_backends_are_not_limited_but_guessers_are(self, start_rig: StartRig) -> None:
        rig = await start_rig({"shop": site(ingest_keys=[KEY])}, server={"rate_limit_per_minute": 5})
        for _ in range(12):
            assert (await send(rig, body())).status == 204
        statuses = [(await send(rig, body(), query="api_secret=wrong")).status for _ in range(7)]
        assert 429 in statuses

    @pytest.mark.parametrize("path", ["/mp/collect", "/debug/mp/collect"])
    async def test_it_is_a_post(self, shop: Rig, path: str) -> None:
        answer = await shop.request("GET", f"{path}?api_secret={KEY}")
        assert (answer.status, answer.headers["Allow"]) == (405, "POST, OPTIONS")
        assert (await shop.request("OPTIONS", path)).status == 204

    async def test_it_lies_below_the_base_path(self, start_rig: StartRig) -> None:
        rig = await start_rig({"shop": site(ingest_keys=[KEY], base_path="/metrics/")})
        assert (await send(rig, body(), path="/metrics/mp/collect")).status == 204
        assert (await send(rig, body())).status == 404


class TestTheStream:
    async def test_an_event_goes_to_the_stream_that_it_names(self, two_streams: Rig) -> None:
        """Other streams count it as not meant for them; vendors of other kinds have no streams."""
        sent = body(consent=GRANT)
        answer = await send(two_streams, sent, query=f"measurement_id={SECOND}&api_secret={KEY}")
        assert answer.status == 204
        assert two_streams.decided() == {
            "google_analytics": "drop|not_configured",
            "second": "full|granted",
            "meta": "full|granted",
        }

    async def test_of_several_one_has_to_be_named(self, two_streams: Rig) -> None:
        answer = await send(two_streams, body(), query=f"api_secret={KEY}")
        assert (answer.status, answer.json["reason"]) == (400, "missing")
        assert STREAM in answer.json["detail"]
        assert SECOND in answer.json["detail"]

    async def test_one_that_is_not_there_is_400_and_tells_which_are(self, shop: Rig) -> None:
        answer = await send(shop, body(), query=f"measurement_id=G-OTHER&api_secret={KEY}")
        assert answer.status == 400
        assert answer.json == {
            "reason": "stream",
            "detail": f"measurement_id: this site has {STREAM}",
            "accepted": 0,
            "invalid": [],
        }

    async def test_the_only_one_need_not_be_named(self, shop: Rig) -> None:
        assert (await send(shop, body(), query=f"api_secret={KEY}")).status == 204
        assert shop.decided()["google_analytics"] == "cookieless|consent_unknown"


class TestAnswers:
    async def test_what_is_good_of_a_batch_is_taken(self, shop: Rig) -> None:
        answer = await send(shop, body(PURCHASE, {"name": "session_start"}, {"name": "login"}, 5))  # type: ignore[arg-type]  # not an event
        assert answer.status == 200
        assert answer.json["accepted"] == 2
        assert [(one["index"], one["reason"]) for one in answer.json["invalid"]] == [(1, "name"), (3, "type")]
        assert (await shop.counts())["r|shop"] == 2

    async def test_where_nothing_is_good_it_is_400(self, shop: Rig) -> None:
        answer = await send(shop, body({"name": "session_start"}, {"name": "x", "params": {"value": "much"}}))
        assert answer.status == 400
        assert (answer.json["accepted"], answer.json["reason"]) == (0, "name")
        assert [one["detail"] for one in answer.json["invalid"]] == [
            "name: Google keeps this name for its own events",
            "params.value: a number",
        ]
        assert "r|shop" not in await shop.counts()

    @pytest.mark.parametrize(
        ("sent", "status", "reason"),
        [
            (b"{", 400, "malformed"),
            (b"", 400, "malformed"),
            (b"[" * 40 + b"]" * 40, 400, "too_deep"),
            ([], 400, "type"),
            ({"events": [PURCHASE]}, 400, "missing"),
            ({"client_id": CLIENT}, 400, "missing"),
            ({"client_id": CLIENT, "events": []}, 400, "missing"),
            ({"client_id": CLIENT, "events": [PURCHASE] * 26}, 400, "too_many"),
            ({"client_id": CLIENT, "events": [{}] * 101}, 413, "too_many"),
            ({"client_id": CLIENT, "events": [PURCHASE], "timestamp_micros": 5}, 400, "timestamp"),
            (b" " * 70_000, 413, "too_large"),
        ],
        ids=range(11),
    )
    async def test_what_cannot_be_read_is_refused_with_a_reason(
        self, shop: Rig, sent: object, status: int, reason: str
    ) -> None:
        answer = await send(shop, sent)
        assert (answer.status, answer.json["reason"]) == (status, reason)
        assert answer.json["detail"]
        assert "r|shop" not in await shop.counts()

    async def test_nothing_that_was_sent_is_in_an_answer(self, shop: Rig) -> None:
        canary = "canary@example.no"
        params = {canary: 1, "value": canary, "currency": canary, "session_id": canary, "items": canary}
        for sent in (
            body({"name": canary, "params": params, canary: 1}),
            body({"name": "x", "params": params}),
            body(client_id=canary, user_id=[canary], consent={canary: canary}, ip_override=canary),
            body(user_data={"sha256_email_address": canary, canary: 1}, user_properties={canary: canary}),
            body(user_location={"country_id": canary}, device={"language": [canary]}, ids={canary: [canary]}),
        ):
            for path in ("/mp/collect", "/debug/mp/collect"):
                answer = await send(shop, sent, path=path)
                assert answer.status in {200, 400}
                assert b"canary" not in answer.body

    async def test_the_same_event_id_is_taken_once(self, shop: Rig) -> None:
        one = {"name": "purchase", "params": {"event_id": "order-77", "value": 1, "currency": "NOK"}}
        assert (await send(shop, body(one))).status == 204
        assert (await send(shop, body(one))).status == 204
        assert len(await shop.entries("shop", "google_analytics")) == 1


class TestDebug:
    async def test_a_good_request_has_nothing_said_of_it_and_is_not_stored(self, shop: Rig) -> None:
        assert await debug(shop, body(**PERSON, consent=GRANT)) == []
        assert "r|shop" not in await shop.counts()
        assert await shop.keys("*:consent") == []

    async def test_all_that_is_wrong_is_said_in_googles_shape(self, shop: Rig) -> None:
        sent = {"events": [{"name": "_x"}, {"name": "purchase", "params": {"value": 1}}], "consents": 1}
        messages = await debug(shop, sent, query=f"measurement_id=G-OTHER&api_secret={KEY}")
        assert all(list(message) == ["fieldPath", "description", "validationCode"] for message in messages)
        assert [(message["fieldPath"], message["validationCode"]) for message in messages] == [
            ("measurement_id", "VALUE_INVALID"),
            ("", "VALUE_INVALID"),
            ("client_id", "VALUE_REQUIRED"),
            ("events", "NAME_INVALID"),
            ("events[1].params.transaction_id", "VALUE_REQUIRED"),
            ("events[1].params.currency", "VALUE_REQUIRED"),
            ("events[1].params.items", "VALUE_REQUIRED"),
        ]
        assert messages[3]["description"].startswith("events[0].name: a letter")

    @pytest.mark.parametrize("sent", [b"{", b"", b"[" * 40 + b"]" * 40, b" " * 70_000])
    async def test_what_is_no_json_is_said_too(self, shop: Rig, sent: bytes) -> None:
        (message,) = await debug(shop, sent)
        assert message["description"]


# Presets; what is known of the visitor; what the body says -> what becomes of Google Analytics and of Meta.
