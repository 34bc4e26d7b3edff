"""The gateway's spans: of a request, and of the decisions on each of its events.

A request that brings several sampled events shows in the trace of each. Nothing is asked of the request itself: route
and status come from where answers are counted, events from the pipeline.
"""

import random
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from proxy.gateway.counted import Count, Handler
from proxy.pipeline import Told
from proxy.traces.ids import Sample, root_of, trace_id_of
from proxy.traces.spans import Attribute, Attributes, Name, Put, Span

_COLLECTING: Final = frozenset({"collect", "pixel", "g_collect", "mp_collect"})
"""Routes by which events come; others have no trace."""
_REMEMBERED: Final = 1000


@dataclass(slots=True)
class _Event:
    trace_id: int
    root: int
    site: str
    start_ns: int
    end_ns: int
    moments: list[Attributes]


@dataclass(slots=True)
class _Request:
    start_ns: int
    since_ns: int
    """When the event before the next one was decided on."""
    route: str = ""
    status: int = 0
    count: int = 0
    events: list[_Event] = field(default_factory=list)
    """The sampled ones."""


class Requests:
    """Tells of the requests of one process.

    Args:
        put: takes spans.
        sample: which traces are told.
    """

    def __init__(self, put: Put, sample: Sample) -> None:
        self._put = put
        self._sample = sample
        self._current: ContextVar[_Request | None] = ContextVar("sayso_traced_request", default=None)
        self._recent: dict[int, None] = {}

    def tell(self, of: Told) -> None:
        """Take the decisions on an event; ``Pipeline`` calls it within its request."""
        request = self._current.get()
        if request is None:
            return
        request.count += 1
        trace_id = trace_id_of(of.ref)
        if not self._sample(trace_id):
            return
        now = time.time_ns()
        moments: list[Attributes] = [
            {
                Attribute.FORWARDER: name,
                Attribute.DECISION: decided.decision,
                Attribute.REASON: decided.reason,
            }
            for name, decided in of.decided
        ]
        root = self._root(trace_id)
        request.events.append(_Event(trace_id, root, of.site, request.since_ns, now, moments))
        request.since_ns = now

    def counting(self, count: Count) -> Count:
        """Return what counts answers as ``count`` does, and notes the request's route and status."""

        def noted(route: str, status: int) -> None:
            count(route, status)
            request = self._current.get()
            if request is not None:
                request.route, request.status = route, status

        return noted

    def around(self, handle: Handler) -> Handler:
        """Return a handler that answers as ``handle`` does, whose answers are counted by ``counting``."""

        async def traced(request: web.BaseRequest) -> web.StreamResponse:
            now = time.time_ns()
            current = _Request(now, now)
            self._current.set(current)
            response = await handle(request)
            if current.route in _COLLECTING:
                self._end(current)
            return response

        return traced

    def _end(self, request: _Request) -> None:
        now = time.time_ns()
        said: dict[Attribute, str | int] = {
            Attribute.ROUTE: request.route,
            Attribute.STATUS: request.status,
            Attribute.EVENTS: request.count,
        }
        if request.count == 0:  # refused: there is no event to name its trace
            trace_id = random.getrandbits(128) | 1 << 127
            if self._sample(trace_id):
                self._put(Span(Name.COLLECT, trace_id, _any_id(), 0, request.start_ns, now, said))
            return
        for event in request.events:
            own = {**said, Attribute.SITE: event.site}
            # A repetition of the same event stands below its first request, as it cannot have the same id.
            parent = 0 if event.root == root_of(event.trace_id) else root_of(event.trace_id)
            self._put(Span(Name.COLLECT, event.trace_id, event.root, parent, request.start_ns, now, own))
            self._put(
                Span(
                    Name.DECIDE,
                    event.trace_id,
                    _any_id(),
                    event.root,
                    event.start_ns,
                    event.end_ns,
                    {Attribute.SITE: event.site},
                    event.moments,
                )
            )

    def _root(self, trace_id: int) -> int:
        """Return the id of a request's own span in a trace."""
        if trace_id in self._recent:
            return _any_id()
        self._recent[trace_id] = None
        if len(self._recent) > _REMEMBERED:
            del self._recent[next(iter(self._recent))]
        return root_of(trace_id)


def _any_id() -> int:
    return random.getrandbits(64) or 1


def both(one: Callable[[Told], None] | None, other: Callable[[Told], None]) -> Callable[[Told], None]:
    """Return what tells two listeners, if there are two."""
    if one is None:
        return other

    def tell(of: Told) -> None:
        one(of)
        other(of)

    return tell
