"""Google's token endpoint in the twin."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from proxy.twin.app import RunningTwin

Send = Callable[..., Awaitable[tuple[int, Any, dict[str, str]]]]

NOW = 1_795_341_600
TOKEN = "/oauth2.googleapis.com/token"
ACCOUNT = "sayso@project.iam.gserviceaccount.com"
SCOPE = "https://www.googleapis.com/auth/datamanager"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def assertion(key: rsa.RSAPrivateKey = KEY, alg: str = "RS256", **changes: Any) -> str:
    """Return a service account's assertion, signed with ``key``; arguments replace claims."""
    claims = {
        "iss": ACCOUNT,
        "scope": SCOPE,
        "aud": "https://oauth2.googleapis.com/token",
        "iat": NOW,
        "exp": NOW + 3600,
    } | changes
    parts = [_base64(orjson.dumps({"alg": alg, "typ": "JWT"})), _base64(orjson.dumps(claims))]
    signed = ".".join(parts)
    return signed + "." + _base64(key.sign(signed.encode(), padding.PKCS1v15(), SHA256()))


async def ask(send: Send, **form: str) -> tuple[int, Any]:
    """Post a token request."""
    status, body, _ = await send(
        "POST", TOKEN, data=urlencode(form), headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    return status, body


async def test_a_signed_assertion_buys_a_token(send: Send, running: RunningTwin) -> None:
    """With Google's fields, and the signature really verified."""
    running.twin.configure("google_oauth", options={"public_keys": {ACCOUNT: PEM}})
    status, body = await ask(send, grant_type=JWT_BEARER, assertion=assertion())
    assert status == 200
    token = body.pop("access_token")
    assert body == {"expires_in": 3599, "token_type": "Bearer", "scope": SCOPE}
    assert running.twin.world.grants[token].expires_at == NOW + 3599
    (recorded,) = running.twin.requests("google_oauth")
    assert dict(recorded.request.form)["grant_type"] == JWT_BEARER


async def test_without_a_registered_key_any_signature_will_do(send: Send) -> None:
    """Demo and load need no key exchange."""
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert (await ask(send, grant_type=JWT_BEARER, assertion=assertion(other)))[0] == 200


async def test_another_key_is_refused_once_one_is_registered(send: Send, running: RunningTwin) -> None:
    """With Google's words."""
    running.twin.configure("google_oauth", options={"public_keys": {ACCOUNT: PEM}})
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    answer = await ask(send, grant_type=JWT_BEARER, assertion=assertion(other))
    assert answer == (400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."})


@pytest.mark.parametrize(
    ("token", "error"),
    [
        pytest.param(assertion(alg="none"), "invalid_grant", id="algorithm"),
        pytest.param(assertion(iss=""), "invalid_grant", id="issuer"),
        pytest.param(assertion(aud="https://example.com"), "invalid_grant", id="audience"),
        pytest.param(assertion(exp=NOW + 3601), "invalid_grant", id="lives too long"),
        pytest.param(assertion(iat=NOW - 7200, exp=NOW - 3600), "invalid_grant", id="over"),
        pytest.param(assertion(iat=NOW + 900, exp=NOW + 1800), "invalid_grant", id="issued in the future"),
        pytest.param(assertion(iat=str(NOW)), "invalid_grant", id="time as text"),
        pytest.param(assertion(scope=""), "invalid_scope", id="no scope"),
        pytest.param(assertion(scope="datamanager"), "invalid_scope", id="short scope"),
        pytest.param(
            assertion(iss="revoked@project.iam.gserviceaccount.com"), "invalid_grant", id="revoked account"
        ),
        pytest.param("a.b", "invalid_grant", id="two parts"),
        pytest.param("§.b.c", "invalid_grant", id="not ascii"),
        pytest.param("W10.W10.W10", "invalid_grant", id="lists"),
    ],
)
async def test_google_s_own_refusals(send: Send, token: str, error: str) -> None:
    """Algorithm, issuer, audience, times, scope and form are all looked at."""
    status, body = await ask(send, grant_type=JWT_BEARER, assertion=token)
    assert (status, body["error"]) == (400, error)
    assert body["error_description"]


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"client_id": "wrong"}, 401, "invalid_client"),
        ({"client_secret": ""}, 401, "invalid_client"),
        ({"refresh_token": "1//revoked"}, 400, "invalid_grant"),
    ],
)
async def test_refresh_tokens_are_refused_as_google_does(
    send: Send, form: dict[str, str], status: int, error: str
) -> None:
    """Client and token have errors of their own."""
    good = {"grant_type": "refresh_token", "client_id": "c", "client_secret": "s", "refresh_token": "1//r"}
    assert (await ask(send, **good))[0] == 200
    answer = await ask(send, **((good | form) if form else {}))
    assert (answer[0], answer[1]["error"]) == (status, error)


async def test_get_is_not_a_method_of_the_token_address(send: Send) -> None:
    """Tokens are only ever posted for."""
    assert (await send("GET", TOKEN))[0] == 405
