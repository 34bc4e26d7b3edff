"""Who may ask the admin listener for more than metrics and health.

On loopback: whoever is on this machine, but no page that a browser there has open; a name of another host in ``Host``
shows one (DNS rebinding). Elsewhere: whoever has the admin token.
"""

import hmac
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from proxy.settings_net import is_loopback

_BEARER: Final = "Bearer "


@dataclass(frozen=True, slots=True)
class Guard:
    """``token`` is the admin token, empty if there is none; ``loopback``: only this machine can reach the listener."""

    token: str = field(default="", repr=False)
    loopback: bool = True

    def refusal(self, request: web.Request) -> web.Response | None:
        """Return how a request is refused; None if it may be answered."""
        if self.loopback:
            if is_loopback(_name_of(request.host)):
                return None
            return _refused(403, "host", "ask under a name of this machine: localhost or 127.0.0.1")
        said = request.headers.get("Authorization", "")
        given = said.removeprefix(_BEARER) if said.startswith(_BEARER) else ""
        if self.token and hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self.token.encode()):
            return None
        refused = _refused(401, "token", "send the admin token as Authorization: Bearer")
        refused.headers["WWW-Authenticate"] = "Bearer"
        return refused


def _name_of(host: str) -> str:
    """Return a Host header without its port."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def _refused(status: int, reason: str, detail: str) -> web.Response:
    return web.json_response(
        {"reason": reason, "detail": detail}, status=status, headers={"Cache-Control": "no-store"}
    )
