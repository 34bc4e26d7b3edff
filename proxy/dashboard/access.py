"""Who may see the dashboard, and how one logs in.

On loopback: whoever is on this machine, but no page that a browser there has open (``proxy.admin_guard``). Elsewhere:
whoever sends the admin token, has logged in with it, or comes through a trusted proxy that says who it is.
"""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

from proxy.address import TrustedProxies, mask
from proxy.admin_guard import Guard
from proxy.dashboard.login import FORM_S, SESSION_S, Attempts, Ended, Signer, same_text
from proxy.store.trouble import StoreUnavailableError

log = logging.getLogger("sayso.dashboard")
COOKIE: Final = "sayso_admin"
FORM_COOKIE: Final = "sayso_login"
HOME: Final = "/dashboard"
_FOLLOWING: Final = re.compile(r"/dashboard(?:\?[!-\[\]-~]*)?", re.ASCII)
_MOST_FORM: Final = 8192


class Logins(Protocol):
    """Where all processes of an installation learn which logins were ended. Both raise ``StoreUnavailableError``."""

    async def ended(self, session: str) -> bool:
        """Tell whether somebody has logged out of it."""

    async def end(self, session: str) -> None:
        """Remember so, until it would have ended by itself."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Who is let in. ``user_header``: in which header the trusted proxies name who they let through; "": in none.

    ``secret`` is the installation's; ``logins`` None: nobody else has any.
    """

    guard: Guard
    user_header: str = ""
    proxies: TrustedProxies = TrustedProxies(())  # noqa: RUF009  # immutable
    secret: bytes = field(default=b"", repr=False)
    logins: Logins | None = None

    @property
    def signer(self) -> Signer:
        """What signs, and knows what is ours."""
        return Signer(self.guard.token, self.secret)


@dataclass(frozen=True, slots=True)
class Admitted:
    """May see it. ``session`` is the name of the login by which that is, "" without one."""

    session: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """May log in."""


class Access:
    """Lets in, logs in, logs out. One per process; what it remembers is bounded."""

    def __init__(self) -> None:
        self._ended = Ended()
        self._attempts = Attempts()

    async def admit(self, request: web.Request, terms: Terms) -> Admitted | Unknown | web.Response:
        """Say whether a request may see the dashboard; a response says why it never can.

        Raises:
            StoreUnavailableError: whether the login was ended cannot be known now.
        """
        if terms.guard.loopback or "Authorization" in request.headers:
            refused = terms.guard.refusal(request)
            return Admitted() if refused is None else refused
        if _named_by_proxy(request, terms):
            return Admitted()
        session = terms.signer.read("session", request.cookies.get(COOKIE, ""))
        if not terms.guard.token or session is None or session in self._ended:
            return Unknown()
        if terms.logins is not None and await terms.logins.ended(session):
            return Unknown()
        return Admitted(session)

    def form(self, terms: Terms, response: web.Response, request: web.Request) -> str:
        """Begin a login: set the cookie to which its form belongs, and return the form's check."""
        name = terms.signer.sign("form", FORM_S)
        _set(response, FORM_COOKIE, name, FORM_S, request)
        return terms.signer.sign("check", FORM_S, _digestible(name))

    def log_out_check(self, terms: Terms, session: str) -> str:
        """Return the check of the form that ends a session."""
        return terms.signer.sign("logout", SESSION_S, session) if session else ""

    def log_in(self, request: web.Request, terms: Terms, form: Mapping[str, str]) -> str:
        """Judge a login: "" if it succeeded, else the key of what is wrong: again, limited or wrong."""
        signer = terms.signer
        cookie = request.cookies.get(FORM_COOKIE, "")
        check = signer.read("check", form.get("check", ""))
        if not ours(request) or signer.read("form", cookie) is None or check != _digestible(cookie):
            return "again"
        address = address_of(request, terms)
        if self._attempts.exhausted(address):
            return "limited"
        if not same_text(form.get("token", ""), terms.guard.token):
            self._attempts.wrong(address)
            return "wrong"
        return ""

    def begin(self, request: web.Request, terms: Terms, response: web.Response) -> None:
        """Set the cookie of a new session."""
        _set(response, COOKIE, terms.signer.sign("session", SESSION_S), SESSION_S, request)
        response.del_cookie(FORM_COOKIE, path="/dashboard", httponly=True, samesite="Strict")

    async def log_out(
        self, request: web.Request, terms: Terms, form: Mapping[str, str], response: web.Response
    ) -> bool:
        """End the session that the form names; False if the form is not ours."""
        session = terms.signer.read("logout", form.get("check", ""))
        if session is None or not ours(request):
            return False
        self._ended.end(session)
        if terms.logins is not None:
            try:
                await terms.logins.end(session)
            except StoreUnavailableError as error:
                # The browser forgets its cookie in any case, and we do not take a copy of it.
                log.warning("a logout is known to this process alone, until it restarts: %s", error)
        response.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict")
        return True


async def read_form(request: web.Request) -> dict[str, str]:
    """Read a small form; anything else is an empty one."""
    if (
        request.content_type != "application/x-www-form-urlencoded"
        or (request.content_length or 0) > _MOST_FORM
    ):
        return {}
    body = await request.read()
    if len(body) > _MOST_FORM:
        return {}
    try:
        return dict(parse_qsl(body.decode("ascii"), max_num_fields=20))
    except ValueError:
        return {}


def following(asked: str) -> str:
    """Return where to go after a login: an address of the dashboard's own, whatever was asked for."""
    return asked if len(asked) < 4000 and _FOLLOWING.fullmatch(asked) else HOME


def ours(request: web.Request) -> bool:
    """Tell whether a form was sent from a page of ours: the browser says so, by either header."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc.lower() == request.host.lower()


def _named_by_proxy(request: web.Request, terms: Terms) -> bool:
    if not terms.user_header or not terms.proxies.trusts(request.remote):
        return False
    named = request.headers.getall(terms.user_header, [])
    return len(named) == 1 and bool(named[0].strip())


def address_of(request: web.Request, terms: Terms) -> str:
    """Return the truncated address of whoever asks, "" if there is none."""
    headers = request.headers
    client = terms.proxies.client(
        request.remote, headers.getall("X-Forwarded-For", []), headers.getall("Forwarded", [])
    )
    return mask(client or "") or ""


def _set(response: web.Response, name: str, value: str, life_s: int, request: web.Request) -> None:
    """Set a cookie that no script sees and no other site's page sends; over https, it never goes without."""
    # Behind a proxy the browser's own word tells: an origin, or a forwarded scheme, that only it could worsen.
    secure = (
        request.secure
        or request.headers.get("Origin", "").startswith("https://")
        or request.headers.get("X-Forwarded-Proto", "") == "https"
    )
    path = "/" if name == COOKIE else HOME
    response.set_cookie(
        name, value, max_age=life_s, path=path, httponly=True, samesite="Strict", secure=secure
    )


def _digestible(cookie: str) -> str:
    """Return the part of a form's cookie that its check is bound to."""
    return cookie.rpartition(".")[2]
