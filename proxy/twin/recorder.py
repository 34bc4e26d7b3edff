"""The ring of recorded requests and the counts over all of them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from proxy.twin.reply import Reply
from proxy.twin.request import Pairs, TwinRequest
from proxy.twin.tally import Tally

BYTE_CAPACITY = 64 * 1024 * 1024
"""Most bytes of bodies and queries kept by default."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request that reached the twin, and what became of it.

    Attributes:
        seq: Number of the request, from 1, never reused.
        time: When it came, Unix seconds.
        vendor: Vendor word, ``unknown`` for an address that no service has.
        request: The request itself.
        status: Status answered; 0 = connection reset or left hanging.
        errors: Short words on what was wrong with it, also where the vendor keeps silent about it.
        events: How many events it carried.
        accepted: How many of them the vendor took.
        fault: The fault that hit it, in words.
    """

    seq: int
    time: float
    vendor: str
    request: TwinRequest
    status: int
    errors: tuple[str, ...] = ()
    events: int = 0
    accepted: int = 0
    fault: str = ""

    @property
    def host(self) -> str:
        """The vendor's host."""
        return self.request.host

    @property
    def method(self) -> str:
        """HTTP method."""
        return self.request.method

    @property
    def path(self) -> str:
        """The vendor's path."""
        return self.request.path

    @property
    def params(self) -> dict[str, str]:
        """The decoded query."""
        return self.request.params

    @property
    def headers(self) -> Pairs:
        """Headers, names in lower case."""
        return self.request.headers

    @property
    def text(self) -> str:
        """The body as text."""
        return self.request.text

    @property
    def json(self) -> Any:
        """The body as parsed JSON, or None. Parsed anew on each access, so that keeping a record is cheap."""
        parsed = self.request.json
        self.request.forget()
        return parsed

    def view(self) -> dict[str, Any]:
        """Return the record as JSON for the control API."""
        request = self.request
        return {
            "seq": self.seq,
            "time": self.time,
            "vendor": self.vendor,
            "host": request.host,
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "params": request.pairs,
            "headers": request.headers,
            "body": request.text,
            "json": self.json,
            "form": request.form,
            "batch": request.batch if request.path.endswith("/g/collect") else [],
            "status": self.status,
            "errors": self.errors,
            "events": self.events,
            "accepted": self.accepted,
            "fault": self.fault,
        }


class Recorder:
    """Keeps the newest requests, bounded by number and by bytes, and counts all."""

    def __init__(self, capacity: int, byte_capacity: int = BYTE_CAPACITY, *, keep: bool = True) -> None:
        """Take the bounds.

        Args:
            capacity: Most requests kept, at least 1.
            byte_capacity: Most bytes of bodies and queries kept; the newest request always stays.
            keep: Whether to keep requests at all, or only count them.
        """
        self.keep = keep
        self._capacity = capacity
        self._byte_capacity = byte_capacity
        self._bytes = 0
        self._ring: deque[Recorded] = deque()
        self._tallies: dict[str, Tally] = {}
        self._changed = asyncio.Event()
        self.seq = 0

    def add(self, vendor: str, time: float, request: TwinRequest, reply: Reply, fault: str) -> None:
        """Count a request, keeps it, and wakes whoever waits."""
        self.seq += 1
        tally = self._tallies.get(vendor)
        if tally is None:
            tally = self._tallies[vendor] = Tally()
        tally.add(reply, faulted=bool(fault))
        request.forget()
        if self.keep:
            self._ring.append(
                Recorded(
                    self.seq,
                    time,
                    vendor,
                    request,
                    reply.status,
                    reply.errors,
                    reply.events,
                    len(reply.accepted),
                    fault,
                )
            )
            self._bytes += _weight(request)
            while len(self._ring) > self._capacity or (
                self._bytes > self._byte_capacity and len(self._ring) > 1
            ):
                self._bytes -= _weight(self._ring.popleft().request)
        self._changed.set()

    def since(self, seq: int = 0, vendor: str | None = None) -> Iterator[Recorded]:
        """Return the kept requests after ``seq``, oldest first, of one vendor or all."""
        return (item for item in self._ring if item.seq > seq and vendor in {None, item.vendor})

    @property
    def oldest(self) -> int:
        """The seq of the oldest request still kept; the next seq if there is none."""
        return self._ring[0].seq if self._ring else self.seq + 1

    def clear(self) -> None:
        """Forgets requests and counts; numbers go on."""
        self._ring.clear()
        self._tallies.clear()
        self._bytes = 0

    def tally(self, vendor: str) -> Tally:
        """Return the counts of a vendor; zeros if it had no request."""
        return self._tallies.get(vendor, Tally())

    def stats(self) -> dict[str, Any]:
        """Return the counts of all vendors as JSON."""
        return {vendor: tally.view() for vendor, tally in sorted(self._tallies.items())}

    async def changed(self) -> None:
        """Wait for the next request."""
        event = self._changed
        if event.is_set():  # one event per wait: whoever comes later gets a fresh one
            event = self._changed = asyncio.Event()
        await event.wait()


def _weight(request: TwinRequest) -> int:
    return len(request.body) + len(request.query) + len(request.path)
