"""``/collect``: events in, 204 out once they are durable. The pixel too."""

from collections.abc import Callable

from aiohttp import web

from proxy.chance import hex_id
from proxy.event import Event, Visit
from proxy.gateway.answers import RefusedError, as_json, gif, no_content
from proxy.gateway.body import read_json
from proxy.gateway.call import Call, Callers
from proxy.gateway.cookies import Cookies, keep, set_visitor
from proxy.gateway.pixel import event_of
from proxy.gateway.room import Room
from proxy.gateway.server import MAX_BODY
from proxy.parse import MAX_EVENTS, InvalidInputError, parse_event
from proxy.pipeline import Pipeline
from proxy.reasons import Fault, Invalid
from proxy.store.client import StoreUnavailableError
from proxy.urls import origin_of

CountInvalid = Callable[[str, Invalid], None]
AS_INVALID = {
    Fault.MALFORMED: Invalid.MALFORMED,
    Fault.TOO_LARGE: Invalid.TOO_LARGE,
    Fault.TOO_MANY: Invalid.TOO_MANY,
    Fault.TOO_DEEP: Invalid.TOO_DEEP,
    Fault.ORIGIN: Invalid.ORIGIN,
    Fault.TYPE: Invalid.TYPE,
    Fault.MEDIA_TYPE: Invalid.TYPE,
}
"""How a request that was refused as a whole is counted among what was invalid."""


class Collect:
    """The collecting routes of all sites."""

    def __init__(self, pipeline: Pipeline, callers: Callers, count_invalid: CountInvalid) -> None:
        self._pipeline = pipeline
        self._callers = callers
        self._count_invalid = count_invalid
        self._room = Room()

    async def post(self, call: Call) -> web.StreamResponse:
        """Take one event or up to 100.

        Raises:
            RefusedError: nothing of it can be taken.
        """
        try:
            return await self._post(call)
        except RefusedError as error:
            reason = AS_INVALID.get(error.fault)
            if reason is not None:
                self._count_invalid(call.site.name, reason)
            raise

    async def _post(self, call: Call) -> web.StreamResponse:
        if not call.listed:
            raise RefusedError(Fault.ORIGIN, "this page is not listed among the site's origins")
        raws = _events_in(await read_json(call.request))
        events: list[Event] = []
        invalid: list[dict[str, object]] = []
        for index, raw in enumerate(raws):
            try:
                events.append(_parse(raw, call))
            except InvalidInputError as error:
                self._count_invalid(call.site.name, error.reason)
                invalid.append({"index": index, "reason": error.reason, "detail": error.detail})
        # A body that does not say its size counts as the largest there can be.
        return await self.answer(call, events, invalid, call.request.content_length or MAX_BODY)

    async def answer(
        self,
        call: Call,
        events: list[Event],
        invalid: list[dict[str, object]],
        size: int,
        visit: Visit | None = None,
    ) -> web.StreamResponse:
        """Take what could be understood, and answer which could not be; ``visit`` is in place of the request's own.

        Raises:
            StoreUnavailableError: nothing of it is stored.
        """
        if not events:
            first = (
                invalid[0] if invalid else {"reason": Fault.NO_EVENTS, "detail": "there is no event in it"}
            )
            body = {"reason": first["reason"], "detail": first["detail"], "accepted": 0, "invalid": invalid}
            return as_json(body, call.headers, 400)
        try:
            await self._take(call, call.cookies(), events, size, visit)
        except StoreUnavailableError:
            for _ in events:
                self._count_invalid(call.site.name, Invalid.NOT_STORED)
            raise
        if invalid:
            return as_json({"accepted": len(events), "invalid": invalid}, call.headers)
        return no_content(call.headers)

    async def get(self, call: Call) -> web.StreamResponse:
        """Take one event from a query and answer a pixel, whatever became of it."""
        if not call.listed:
            self._count_invalid(call.site.name, Invalid.ORIGIN)
            return gif(call.headers)
        try:
            event = _parse(event_of(call.request.rel_url.raw_query_string), call)
            await self._take(call, call.cookies(), [event], len(call.request.rel_url.raw_query_string))
        except InvalidInputError as error:
            self._count_invalid(call.site.name, error.reason)
        except StoreUnavailableError:
            self._count_invalid(call.site.name, Invalid.NOT_STORED)
        return gif(call.headers)

    async def _take(
        self, call: Call, cookies: Cookies, events: list[Event], size: int, visit: Visit | None = None
    ) -> None:
        self._room.enter(size)
        try:
            taken = await self._pipeline.accept(self._callers.arrival(call, cookies, visit), events)
        finally:
            self._room.leave(size)
        if taken.remembered is not None:
            keep(call.headers, call.site, cookies, taken.remembered, call.now_ms, call.host)
        elif taken.visitor is not None and taken.max_age_s > 0:
            set_visitor(call.headers, call.site, taken.visitor, taken.max_age_s, call.host)


def _events_in(body: object) -> list[object]:
    if isinstance(body, dict) and "events" in body:
        events = body["events"]
        if not isinstance(events, list):
            raise RefusedError(Fault.TYPE, "events: a list")
        if len(events) > MAX_EVENTS:
            raise RefusedError(Fault.TOO_MANY, f"at most {MAX_EVENTS} events at once")
        return events
    return [body]


def _parse(raw: object, call: Call) -> Event:
    event = parse_event(raw, now_ms=call.now_ms, mint_id=f"{call.now_ms:x}{hex_id(10)}", trusted=call.trusted)
    return located(event, call)


def located(event: Event, call: Call) -> Event:
    """Let an event that does not say on which page it happened have the page that sent it."""
    if event.url is None and not call.trusted:
        # The page names itself in the Referer; a listed page is believed, another one is not.
        referrer = call.request.headers.get("Referer")
        if referrer is not None and len(referrer) <= 4096:
            origin = origin_of(referrer)
            if origin in call.site.origins:
                event.url = referrer
    return event
