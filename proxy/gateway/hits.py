"""``/g/collect``: what Google's own tag (gtag.js) sends, as it is, where ``server_container_url`` names us."""

from collections.abc import Mapping, Sequence

from aiohttp import web

from proxy.chance import hex_id
from proxy.event import Event
from proxy.gateway.answers import RefusedError
from proxy.gateway.body import read_text
from proxy.gateway.call import Call
from proxy.gateway.collect import AS_INVALID, Collect, CountInvalid, located
from proxy.hits import event_of, read_hits
from proxy.parse import InvalidInputError
from proxy.reasons import Fault
from proxy.site import Site

_FAULTS: Mapping[str, Fault] = {"too_many": Fault.TOO_MANY, "too_large": Fault.TOO_LARGE}


class Hits:
    """The route of Google's tag, of all sites.

    Args:
        sites: all sites.
        collect: takes the events.
        count_invalid: counts what cannot be taken.
    """

    def __init__(self, sites: Sequence[Site], collect: Collect, count_invalid: CountInvalid) -> None:
        self._streams = {site.name: site.streams for site in sites}
        self._collect = collect
        self._count_invalid = count_invalid

    async def take(self, call: Call) -> web.StreamResponse:
        """Take one hit, or a line each. The empty 204 is an answer that the tag understands, whatever it asked for.

        Raises:
            RefusedError: nothing of it can be taken.
            StoreUnavailableError: nothing of it is stored.
        """
        try:
            return await self._take(call)
        except RefusedError as error:
            reason = AS_INVALID.get(error.fault)
            if reason is not None:
                self._count_invalid(call.site.name, reason)
            raise

    async def _take(self, call: Call) -> web.StreamResponse:
        if not call.listed:
            raise RefusedError(Fault.ORIGIN, "this page is not listed among the site's origins")
        request = call.request
        body = await read_text(request) if request.method == "POST" else ""
        try:
            hits, size = read_hits(request.rel_url.raw_query_string, body)
        except InvalidInputError as error:
            raise RefusedError(_FAULTS[error.reason], error.detail) from None
        events: list[Event] = []
        invalid: list[dict[str, object]] = []
        for index, hit in enumerate(hits):
            mint_id = f"{call.now_ms:x}{hex_id(10)}"
            try:
                event = event_of(hit, self._streams[call.site.name], now_ms=call.now_ms, mint_id=mint_id)
            except InvalidInputError as error:
                self._count_invalid(call.site.name, error.reason)
                invalid.append({"index": index, "reason": error.reason, "detail": error.detail})
            else:
                events.append(located(event, call))
        return await self._collect.answer(call, events, invalid, size)
