"""Tokens for Google service accounts: signed rightly, kept while they last, and fetched by one request at a time."""

import asyncio
from collections.abc import AsyncIterator
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl

import orjson
import pytest
from cryptography.hazmat.primitives import serialization

from forwarders.auth import ServiceAccountAuth
from forwarders.verdicts import Pause, Retry
from proxy.delivery.oauth import TokenSource, assertion
from proxy.delivery.transport import Transport, Way
from proxy.secret import Secret
from proxy.twin.rules.jwt import check_claims, check_signature, decode
from tests.support.events import NOW_MS, service_account_json
from tests.support.vendor import FakeVendor, Reply, Seen

SCOPE = "https://www.googleapis.com/auth/datamanager"


class Clock:
    """Time that stands still until a test moves it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now_ms(self) -> int:
        """Return Unix time in milliseconds."""
        return NOW_MS + int(self.seconds * 1000)

    consent_ms = now_ms

    def monotonic(self) -> float:
        """Return seconds."""
        return 5000.0 + self.seconds


class Desk:
    """A token source, what it asks, and its time."""

    def __init__(self, vendor: FakeVendor, credentials: str | None = None) -> None:
        self.vendor = vendor
        self.clock = Clock()
        self.transport = Transport(Way(vendor.origin), connections=2, timeout_s=1.0)
        auth = ServiceAccountAuth(Secret(credentials or service_account_json()), SCOPE)
        self.source = TokenSource(auth, self.transport, self.clock, lambda: 0.5)
        self.vendor.answers["oauth2.googleapis.com"] = self.issue

    def issue(self, _seen: Seen) -> Reply:
        """Answer as Google does, with a new token each time."""
        return Reply(json={"access_token": f"token-{self.asked}", "expires_in": 3599, "token_type": "Bearer"})

    @property
    def asked(self) -> int:
        """How often Google was asked."""
        return len(self.vendor.seen)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """Return a token source that asks a Google on loopback."""
    async with FakeVendor() as vendor:
        desk = Desk(vendor)
        yield desk
        await desk.transport.close()


async def test_the_request_is_what_google_documents(desk: Desk) -> None:
    """A form with the grant type and an assertion that is signed with the account's key and good for an hour."""
    assert await desk.source.get() == "token-1"
    (seen,) = desk.vendor.seen
    assert (seen.method, seen.host, seen.path) == ("POST", "oauth2.googleapis.com", "/token")
    assert seen.headers["content-type"] == "application/x-www-form-urlencoded"
    form = dict(parse_qsl(seen.body.decode(), strict_parsing=True))
    assert form.pop("grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    found = decode(form.pop("assertion"))
    assert form == {}
    check_claims(found, NOW_MS / 1000)
    private = serialization.load_pem_private_key(
        orjson.loads(service_account_json())["private_key"].encode(), None
    )
    check_signature(
        found,
        private.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode(),
    )
    assert found.claims == {
        "iss": "sayso@shop-ads.iam.gserviceaccount.com",
        "scope": SCOPE,
        "aud": "https://oauth2.googleapis.com/token",
        "iat": NOW_MS // 1000,
        "exp": NOW_MS // 1000 + 3600,
    }


async def test_many_at_once_make_one_request(desk: Desk) -> None:
    """A start with a full outbox asks Google once."""
    assert set(await asyncio.gather(*(desk.source.get() for _ in range(20)))) == {"token-1"}
    assert desk.asked == 1


async def test_a_token_is_kept_and_renewed_before_it_ends(desk: Desk) -> None:
    """Some five minutes before the end the next one is fetched."""
    await desk.source.get()
    desk.clock.seconds = 3599 - 331
    assert await desk.source.get() == "token-1"
    desk.clock.seconds = 3599 - 329
    assert await desk.source.get() == "token-2"
    assert desk.asked == 2


async def test_a_token_that_cannot_be_renewed_yet_serves_until_it_ends(desk: Desk) -> None:
    """An outage of the token service of some minutes delays nothing."""
    await desk.source.get()
    desk.vendor.answers["oauth2.googleapis.com"] = lambda _seen: Reply(503)
    desk.clock.seconds = 3599 - 200
    assert await desk.source.get() == "token-1"
    desk.clock.seconds = 3599
    assert await desk.source.get() == Retry("token: HTTP 503")


async def test_a_refused_token_is_not_used_again(desk: Desk) -> None:
    """But one that was fetched since is not thrown away by a late refusal of the old one."""
    await desk.source.get()
    desk.source.refuse("token-1")
    assert await desk.source.get() == "token-2"
    desk.source.refuse("token-1")
    assert await desk.source.get() == "token-2"


ANSWERS: dict[str, tuple[Reply, Pause | Retry]] = {
    "revoked": (
        Reply(400, {"error": "invalid_grant"}, headers={"Date": formatdate(NOW_MS / 1000, usegmt=True)}),
        Pause("token: HTTP 400 invalid_grant"),
    ),
    "unknown client": (Reply(401, {"error": "invalid_client"}), Pause("token: HTTP 401 invalid_client")),
    "wrong scope": (Reply(400, {"error": "invalid_scope"}), Pause("token: HTTP 400 invalid_scope")),
    "busy, by word": (
        Reply(400, {"error": "temporarily_unavailable"}),
        Retry("token: HTTP 400 temporarily_unavailable"),
    ),
    "busy, by status": (Reply(500, {"error": "internal_failure"}), Retry("token: HTTP 500 internal_failure")),
    "too many": (Reply(429, headers={"Retry-After": "7"}), Retry("token: HTTP 429", 7.0)),
    "no JSON": (Reply(200, raw=b"<html>"), Retry("token: HTTP 200")),
    "no token": (Reply(200, {"expires_in": 3599}), Retry("token: HTTP 200")),
    "a token that no header can hold": (Reply(200, {"access_token": "a\nb"}), Retry("token: HTTP 200")),
    "words that are no word": (Reply(400, {"error": "see https://x/?y=1"}), Pause("token: HTTP 400")),
    "a broken connection": (Reply(reset=True), Retry("token: broken")),
}


@pytest.mark.parametrize(("reply", "verdict"), ANSWERS.values(), ids=ANSWERS.keys())
async def test_refusals_say_who_must_act(desk: Desk, reply: Reply, verdict: Pause | Retry) -> None:
    """An operator for what only he can mend, nobody for what passes."""
    desk.vendor.queue = [reply]
    assert await desk.source.get() == verdict


@pytest.mark.parametrize("off_s", [7200, -7200], ids=["ahead", "behind"])
async def test_an_assertion_goes_by_googles_clock_where_ours_is_wrong(desk: Desk, off_s: int) -> None:
    """Google refuses what was made in its future, or too long ago, and says by its date what time it is there."""
    theirs = {"Date": formatdate(NOW_MS / 1000 - off_s, usegmt=True)}

    def judge(seen: Seen) -> Reply:
        made_s = decode(dict(parse_qsl(seen.body.decode()))["assertion"]).claims["iat"]
        if abs(made_s - (NOW_MS // 1000 - off_s)) > 60:
            return Reply(400, {"error": "invalid_grant"}, headers=theirs)
        return Reply(json={"access_token": f"token-{desk.asked}", "expires_in": 3599}, headers=theirs)

    desk.vendor.answers["oauth2.googleapis.com"] = judge
    assert await desk.source.get() == "token-2"
    desk.source.refuse("token-2")
    assert await desk.source.get() == "token-3", "what was learned is remembered"


async def test_a_key_that_is_revoked_is_not_tried_over_and_over(desk: Desk) -> None:
    """One more try is all that a wrong clock is worth."""
    desk.vendor.answers["oauth2.googleapis.com"] = lambda _seen: Reply(
        400, {"error": "invalid_grant"}, headers={"Date": formatdate(NOW_MS / 1000 - 7200, usegmt=True)}
    )
    assert await desk.source.get() == Pause("token: HTTP 400 invalid_grant")
    assert desk.asked == 2


async def test_after_a_refusal_google_is_left_alone_for_a_moment(desk: Desk) -> None:
    """Every batch that waits for a token would ask otherwise; and what Google asks for is kept."""
    desk.vendor.queue = [Reply(503), Reply(429, headers={"Retry-After": "60"})]
    assert [*await asyncio.gather(desk.source.get(), desk.source.get())] == [Retry("token: HTTP 503")] * 2
    assert desk.asked == 1
    desk.clock.seconds = 1
    assert await desk.source.get() == Retry("token: HTTP 429", 60.0)
    desk.clock.seconds = 60
    assert await desk.source.get() == Retry("token: HTTP 429", 60.0)
    assert desk.asked == 2
    desk.clock.seconds = 62
    assert await desk.source.get() == "token-3"


@pytest.mark.parametrize(
    "changes",
    [
        {"private_key": "not a key"},
        {"private_key": None},
        {"client_email": None},
    ],
)
async def test_a_key_that_cannot_be_used_is_an_operators_business(changes: dict[str, Any]) -> None:
    """It is said so, without a word of the key."""
    key = {name: value for name, value in (orjson.loads(service_account_json()) | changes).items() if value}
    async with FakeVendor() as vendor:
        desk = Desk(vendor, orjson.dumps(key).decode())
        assert await desk.source.get() == Pause("the service account's key cannot be used")
        assert desk.asked == 0
        await desk.transport.close()


def test_the_key_is_named_in_the_assertion() -> None:
    """Google finds the public key by it."""
    found = decode(assertion(ServiceAccountAuth(Secret(service_account_json()), SCOPE), NOW_MS // 1000))
    assert found.header == {"alg": "RS256", "typ": "JWT", "kid": "0123456789abcdef0123456789abcdef01234567"}
