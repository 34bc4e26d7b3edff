"""The interface of a faked service, and the world that all of them share."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from proxy.twin.reply import Reply
from proxy.twin.request import TwinRequest

REFUSED_WORDS = ("wrong", "revoked", "expired")
"""Credentials and ids that contain one of these are refused; all others are good unless settings say otherwise."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What one vendor asks for.

    Attributes:
        tokens: The only credentials accepted; None = any.
        ids: The only accounts, datasets or tags accepted; None = any.
        options: The vendor's own switches, by the names in its ``options``.
    """

    tokens: frozenset[str] | None = field(default=None, repr=False)
    ids: frozenset[str] | None = field(default=None, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)


NO_SETTINGS = Settings()


@dataclass(frozen=True, slots=True)
class Grant:
    """An access token that the twin issued: when it ends (Unix seconds) and what it may."""

    expires_at: float
    scopes: frozenset[str]


@dataclass(slots=True)
class World:
    """State that the faked services share.

    Attributes:
        clock: Unix seconds; injected so that tests can move time.
        strict: Whether events are checked; off under load, where only counting is wanted.
        settings: Settings by vendor word.
        grants: Access tokens issued by the fake OAuth server.
    """

    clock: Callable[[], float] = time.time
    strict: bool = True
    settings: dict[str, Settings] = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict, repr=False)

    def of(self, vendor: str) -> Settings:
        """Return the settings of a vendor."""
        return self.settings.get(vendor, NO_SETTINGS)

    def knows_token(self, vendor: str, token: str) -> bool:
        """Whether this credential is good at this vendor."""
        tokens = self.of(vendor).tokens
        return _good(token) if tokens is None else token in tokens

    def knows_id(self, vendor: str, account: str) -> bool:
        """Whether this account, dataset or tag exists at this vendor."""
        ids = self.of(vendor).ids
        return _good(account) if ids is None else account in ids


def _good(value: str) -> bool:
    return bool(value) and not any(word in value for word in REFUSED_WORDS)


class VendorTwin(Protocol):
    """A faked service; made anew for each twin by its module's ``create(world)``.

    Attributes:
        names: The vendor words under which its requests are recorded and faulted.
        options: Names and types of its own switches in ``Settings.options``.
    """

    names: frozenset[str]
    options: Mapping[str, type]

    def vendor_of(self, request: TwinRequest) -> str | None:
        """Return the vendor word of a request to this service, or None if the address is not one of its."""

    def answer(self, request: TwinRequest) -> Reply:
        """Answers a request that ``vendor_of`` claimed."""

    def failure(self, status: int) -> Reply:
        """Return the vendor's own body for an HTTP error that a fault asks for."""
