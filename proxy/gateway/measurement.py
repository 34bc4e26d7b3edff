"""``/mp/collect``: Google's Measurement Protocol, from the site's backends. ``/debug/mp/collect`` only says what is wrong."""

from collections.abc import Iterable

from aiohttp import web

from proxy.chance import hex_id
from proxy.event import Visit
from proxy.gateway.answers import RefusedError, as_json
from proxy.gateway.body import read_json
from proxy.gateway.call import Call, Callers
from proxy.gateway.collect import AS_INVALID, Collect, CountInvalid
from proxy.gateway.server import MAX_BODY
from proxy.measurement import MAX_EVENTS, Code, Finding, Message, read_message
from proxy.parse import MAX_EVENTS as MOST_ANYWHERE
from proxy.reasons import Fault

_NO_KEY = "api_secret in the query (or Authorization: Bearer) must be one of this site's ingest_keys"
_FOREIGN = "this page is not listed; a backend sends no Origin at all"
_CODE_OF = {
    Fault.TOO_LARGE: Code.VALUE_OUT_OF_BOUNDS,
    Fault.TOO_DEEP: Code.VALUE_OUT_OF_BOUNDS,
}


class Measurement:
    """The Measurement Protocol routes of all sites.

    Args:
        collect: takes the events.
        callers: understands requests.
        count_invalid: counts what cannot be taken.
    """

    def __init__(self, collect: Collect, callers: Callers, count_invalid: CountInvalid) -> None:
        self._collect = collect
        self._callers = callers
        self._count_invalid = count_invalid

    async def post(self, call: Call) -> web.StreamResponse:
        """Take up to 25 events.

        Raises:
            RefusedError: nothing of it can be taken.
            StoreUnavailableError: nothing of it is stored.
        """
        try:
            body = await _body_of(call)
        except RefusedError as error:
            reason = AS_INVALID.get(error.fault)
            if reason is not None:
                self._count_invalid(call.site.name, reason)
            raise
        message = self._read(call, body)
        invalid = [_told(finding) for finding in message.invalid]
        refused = message.refused
        if refused is not None and refused.reason is not None:
            self._count_invalid(call.site.name, refused.reason)
            answer = {"reason": refused.reason, "detail": refused.detail, "accepted": 0, "invalid": invalid}
            return as_json(answer, call.headers, 400)
        for finding in message.invalid:
            if finding.reason is not None:
                self._count_invalid(call.site.name, finding.reason)
        size = call.request.content_length or MAX_BODY
        return await self._collect.answer(call, message.events, invalid, size, self._visit(message))

    async def debug(self, call: Call) -> web.StreamResponse:
        """Say what is wrong with a request, in the shape of Google's validation server, and store nothing.

        Raises:
            RefusedError: it does not come from a backend of the site.
        """
        _let_in(call)
        try:
            body = await read_json(call.request)
        except RefusedError as error:
            code = _CODE_OF.get(error.fault, Code.VALUE_INVALID)
            return _messages(call, [Finding(None, "", error.detail, code, AS_INVALID.get(error.fault))])
        return _messages(call, self._read(call, body).findings.found)

    def _read(self, call: Call, body: object) -> Message:
        return read_message(
            body,
            measurement_id=call.request.query.get("measurement_id"),
            streams=call.site.streams,
            now_ms=call.now_ms,
            mint_id=lambda: f"{call.now_ms:x}{hex_id(10)}",
        )

    def _visit(self, message: Message) -> Visit:
        """Return what the backend says of the browser. Its own address and program are never taken for those."""
        around = message.shared.around
        visit = self._callers.visit(around.user_agent, around.address, None)
        if around.country is not None:
            visit.country, visit.region = around.country, around.region
        return visit


def _let_in(call: Call) -> None:
    if not call.trusted:
        raise RefusedError(Fault.ORIGIN, _NO_KEY)
    if not call.listed:
        raise RefusedError(Fault.ORIGIN, _FOREIGN)


async def _body_of(call: Call) -> object:
    _let_in(call)
    body = await read_json(call.request)
    events = body.get("events") if isinstance(body, dict) else None
    if isinstance(events, list) and len(events) > MOST_ANYWHERE:  # which is 413 on every route
        raise RefusedError(Fault.TOO_MANY, f"events: at most {MAX_EVENTS} at once")
    return body


def _told(finding: Finding) -> dict[str, object]:
    return {"index": finding.index, "reason": finding.reason, "detail": finding.detail}


def _messages(call: Call, findings: Iterable[Finding]) -> web.StreamResponse:
    messages = [
        {"fieldPath": one.path, "description": one.description, "validationCode": one.code}
        for one in findings
    ]
    return as_json({"validationMessages": messages}, call.headers)
