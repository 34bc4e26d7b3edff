"""The twin itself: takes a request, lets the vendor it was meant for answer, records both. No HTTP in here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from proxy.twin.discovery import make_vendors
from proxy.twin.faults import EVERYONE, Fault, FaultBoard
from proxy.twin.recorder import Recorded, Recorder
from proxy.twin.reply import JSON_TYPE, Reply, json_reply
from proxy.twin.request import TwinRequest
from proxy.twin.tally import Tally
from proxy.twin.vendor import Settings, VendorTwin, World

UNKNOWN = "unknown"
"""Vendor word of requests to an address that no service has."""

_NOT_FOUND = json_reply(404, {"error": "no such address in the twin"}, errors=["unknown address"])
_UNANSWERED = Reply(0)
_MALFORMED = b'{"error": {"code": 1, "mess'


class UnknownVendorError(LookupError):
    """A vendor word that no service has; the text lists those that are."""


class Twin:
    """All faked vendors with their record. Everything runs on one event loop; methods without ``async`` never wait.

    Attributes:
        world: Clock, strictness and settings.
        recorder: Requests and counts.
        faults: Faults in force.
    """

    def __init__(
        self,
        *,
        capacity: int = 10_000,
        record: bool = True,
        strict: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Make the services.

        Args:
            capacity: Most requests kept.
            record: Whether to keep requests, or only count them.
            strict: Whether to check events as the vendors do.
            clock: Unix seconds.
        """
        self.world = World(clock=clock, strict=strict)
        self.recorder = Recorder(capacity, keep=record)
        self.faults = FaultBoard()
        self._services: tuple[VendorTwin, ...] = make_vendors(self.world)
        self._options: dict[str, dict[str, type]] = {}
        for service in self._services:
            for name in service.names:
                self._options.setdefault(name, {}).update(service.options)

    @property
    def vendors(self) -> list[str]:
        """All vendor words."""
        return sorted(self._options)

    def take(self, request: TwinRequest) -> tuple[Reply, Fault | None]:
        """Answers and records one request.

        Returns:
            The answer, and the fault that the HTTP side still has to act out, if one struck.
        """
        vendor, service = self._service_of(request)
        fault = self.faults.pick(vendor, request.body) if service else None
        if service is None:
            reply = _NOT_FOUND
        elif fault is None:
            reply = service.answer(request)
        else:
            reply = _faulty(service, request, fault)
        self.recorder.add(vendor, self.world.clock(), request, reply, fault.word if fault else "")
        return reply, fault

    def _service_of(self, request: TwinRequest) -> tuple[str, VendorTwin | None]:
        for service in self._services:
            vendor = service.vendor_of(request)
            if vendor is not None:
                return vendor, service
        return UNKNOWN, None

    def requests(self, vendor: str | None = None) -> list[Recorded]:
        """Return the recorded requests, oldest first, of one vendor or all."""
        return list(self.recorder.since(0, vendor))

    def tally(self, vendor: str) -> Tally:
        """Return the counts of a vendor."""
        return self.recorder.tally(vendor)

    def clear(self) -> None:
        """Forgets requests and counts; faults and settings stay."""
        self.recorder.clear()

    def fault(self, vendor: str, *faults: Fault) -> None:
        """Replace a vendor's faults; without any, lifts them.

        Raises:
            UnknownVendorError: No such vendor word.
        """
        if vendor != EVERYONE:
            self._known(vendor)
        if faults:
            self.faults.set(vendor, *faults)
        else:
            self.faults.clear(vendor)

    def configure(
        self,
        vendor: str,
        *,
        tokens: frozenset[str] | None = None,
        ids: frozenset[str] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Replace what a vendor asks for; see ``Settings``.

        Raises:
            UnknownVendorError: No such vendor word.
            ValueError: An option that the vendor does not have, or of the wrong type.
        """
        known = self._known(vendor)
        for name, value in (options or {}).items():
            if name not in known or not isinstance(value, known[name]):
                raise ValueError(f"options of {vendor}: {', '.join(sorted(known)) or 'none'}")
        self.world.settings[vendor] = Settings(tokens, ids, dict(options or {}))

    def expire_tokens(self) -> None:
        """Make all access tokens issued so far void, as when they end early or are revoked."""
        self.world.grants.clear()

    def _known(self, vendor: str) -> dict[str, type]:
        if vendor not in self._options:
            raise UnknownVendorError(f"vendors: {', '.join(self.vendors)}")
        return self._options[vendor]

    async def wait_for(
        self,
        wanted: int | Callable[[list[Recorded]], bool],
        within: float = 5.0,
        vendor: str | None = None,
    ) -> list[Recorded]:
        """Wait until enough has arrived.

        Args:
            wanted: A number of recorded requests, or a condition on the list of them.
            within: Seconds to wait at most.
            vendor: Look at this vendor's requests only.

        Returns:
            The recorded requests.

        Raises:
            TimeoutError: It did not happen in time; the text tells what did arrive, by vendor.
        """
        try:
            async with asyncio.timeout(within):
                while True:
                    found = self.requests(vendor)
                    if wanted(found) if callable(wanted) else len(found) >= wanted:
                        return found
                    await self.recorder.changed()
        except TimeoutError:
            counts = {name: tally["requests"] for name, tally in self.recorder.stats().items()}
            raise TimeoutError(f"not within {within} s; requests so far: {counts or 'none'}") from None


def _faulty(service: VendorTwin, request: TwinRequest, fault: Fault) -> Reply:
    """Return the answer under a fault; what needs the connection (delay, hang, reset, truncate) is not done here."""
    if fault.hang or fault.reset:
        return _UNANSWERED
    reply = service.failure(fault.status or 500) if fault.refuses else service.answer(request)
    if fault.malformed:
        reply = replace(reply, status=200, body=_MALFORMED, content_type=JSON_TYPE)
    if fault.status is not None:
        reply = replace(reply, status=fault.status)
    if fault.body is not None:
        reply = replace(reply, body=orjson.dumps(fault.body), content_type=JSON_TYPE)
    headers = {**reply.headers, **fault.headers}
    if fault.retry_after is not None:
        headers["Retry-After"] = str(fault.retry_after)
    return replace(reply, headers=headers)
