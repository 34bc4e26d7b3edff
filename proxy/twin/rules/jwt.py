"""The checks that Google's token endpoint makes on a service account's signed assertion."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

AUDIENCE = "https://oauth2.googleapis.com/token"
MAX_LIFETIME = 3600
"""Longest life of an assertion, seconds (Google: OAuth 2.0 for server to server applications)."""
CLOCK_SKEW = 300
"""How far an assertion's times may be off ours, seconds; Google's own figure is not published."""


class JwtError(Exception):
    """A token request that Google refuses: its ``error`` and ``error_description``."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error, description)
        self.error = error
        self.description = description


@dataclass(frozen=True, slots=True)
class Assertion:
    """A decoded assertion; claims are not to be trusted before ``check_claims`` and ``check_signature``."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes

    @property
    def issuer(self) -> str:
        """The service account's address, or ``""``."""
        issuer = self.claims.get("iss")
        return issuer if isinstance(issuer, str) else ""


def decode(token: str) -> Assertion:
    """Take an assertion apart.

    Raises:
        JwtError: It is not three base64url parts with two JSON objects in front.
    """
    try:
        head, claims, signature = (part.encode("ascii") for part in token.split("."))
        decoded: list[Any] = [orjson.loads(_unbase64(part)) for part in (head, claims)]
        proof = _unbase64(signature)
    except (ValueError, binascii.Error) as error:
        raise _invalid("Invalid JWT: Failed to parse the assertion.") from error
    if not all(isinstance(item, dict) for item in decoded):
        raise _invalid("Invalid JWT: Failed to parse the assertion.")
    return Assertion(decoded[0], decoded[1], head + b"." + claims, proof)


def check_claims(assertion: Assertion, now: float) -> None:
    """Check algorithm, issuer, audience and times.

    Raises:
        JwtError: One of them is not as Google wants it.
    """
    claims = assertion.claims
    if assertion.header.get("alg") != "RS256":
        raise _invalid("Invalid JWT: Unsupported signature algorithm.")
    if not assertion.issuer:
        raise _invalid("Invalid JWT: Missing issuer.")
    if claims.get("aud") != AUDIENCE:
        raise _invalid("Invalid JWT: Failed audience check.")
    issued, expires = claims.get("iat"), claims.get("exp")
    if not (
        isinstance(issued, int)
        and isinstance(expires, int)
        and 0 < expires - issued <= MAX_LIFETIME
        and issued <= now + CLOCK_SKEW
        and expires > now - CLOCK_SKEW
    ):
        raise _invalid(
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
            "Check your iat and exp values in the JWT claim."
        )


def check_signature(assertion: Assertion, public_key_pem: str) -> None:
    """Check the RS256 signature.

    Raises:
        JwtError: The key did not sign this.
    """
    try:
        key = load_pem_public_key(public_key_pem.encode())
        if not isinstance(key, RSAPublicKey):
            raise _invalid("Invalid JWT Signature.")
        key.verify(assertion.signature, assertion.signed, padding.PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError) as error:  # ValueError: not a PEM
        raise _invalid("Invalid JWT Signature.") from error


def _unbase64(part: bytes) -> bytes:
    return base64.b64decode(part + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)


def _invalid(description: str) -> JwtError:
    return JwtError("invalid_grant", description)
