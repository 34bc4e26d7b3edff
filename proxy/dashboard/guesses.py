"""A limit to guessing the admin token by ``Authorization``, on every path of the admin listener that takes it."""

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from proxy.dashboard.access import Terms, address_of
from proxy.dashboard.headers import refused
from proxy.dashboard.login import WINDOW_S, Attempts

_GUARDED: Final = ("/dashboard", "/api/", "/events/")
_EACH: Final = 100
_IN_ALL: Final = 2000
"""More than by the form: a program that still has the token of yesterday asks again and again, and means no harm."""


def limit_guesses(terms: Callable[[], Terms]) -> Middleware:
    """Make what counts wrong tokens; past the limit not even the right one is taken for a while."""
    attempts = Attempts(_EACH, _IN_ALL)

    @web.middleware
    async def limited(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if "Authorization" not in request.headers or not request.path.startswith(_GUARDED):
            return await handler(request)
        address = address_of(request, terms())
        if attempts.exhausted(address):
            answer = refused(429, "limited", "too many wrong tokens: wait ten minutes")
            answer.headers["Retry-After"] = str(WINDOW_S)
            return answer
        response = await handler(request)
        if response.status == 401:
            attempts.wrong(address)
        return response

    return limited
