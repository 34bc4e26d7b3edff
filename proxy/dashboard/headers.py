"""The headers of every answer of the dashboard: nothing runs, nothing is framed, kept, sniffed or told to others."""

from typing import Final

from aiohttp import web

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}
_OURS: Final = ("/dashboard", "/api/")


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Give them to answers that no handler of ours has made, too, such as a 404; and tell no versions of what we run on."""
    response.headers["Server"] = "sayso"
    if request.path.startswith(_OURS):
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)


def refused(status: int, reason: str, detail: str) -> web.Response:
    """Say as JSON why there is no answer."""
    return web.json_response({"reason": reason, "detail": detail}, status=status, headers=HEADERS)
