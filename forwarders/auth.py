"""How a forwarder's requests authenticate: declared by the forwarder, done by delivery."""

from dataclasses import dataclass

from proxy.secret import Secret


@dataclass(frozen=True, slots=True)
class NoAuth:
    """Nothing is added."""


@dataclass(frozen=True, slots=True)
class QueryAuth:
    """The secret goes into the query (Google Analytics' ``api_secret`` has no other place)."""

    name: str
    secret: Secret


@dataclass(frozen=True, slots=True)
class BodyAuth:
    """The secret goes into the JSON object that is the body."""

    name: str
    secret: Secret


@dataclass(frozen=True, slots=True)
class BearerAuth:
    """``Authorization: Bearer`` with a fixed token."""

    secret: Secret


@dataclass(frozen=True, slots=True)
class ServiceAccountAuth:
    """``Authorization: Bearer`` with a token that delivery gets and renews for a Google service account.

    ``credentials`` is the JSON key as Google issues it.
    """

    credentials: Secret
    scope: str


Auth = NoAuth | QueryAuth | BodyAuth | BearerAuth | ServiceAccountAuth
