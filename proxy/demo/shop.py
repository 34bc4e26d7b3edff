"""The shop's own server: pages, and what the page cannot do for itself. It is a stand-in for a website, no part of Sayso."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from importlib import resources
from urllib.parse import urlencode

import orjson
from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from proxy.demo.ad import CLICK_IDS, ad_query, is_from_ad
from proxy.demo.feed import Feed, Note
from proxy.demo.live import feed, one_request
from proxy.demo.parts import CLOSING, FEED, PLACES, TWIN, Places
from proxy.demo.sites import DEFAULT, HOSTS, PATHS
from proxy.demo.words import LANGUAGES, choose_language, words
from proxy.identity import REFUSAL_COOKIE
from proxy.twin.faults import Fault
from proxy.twin.twin import Twin

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PRODUCTS = (
    {"id": "sweater", "sku": "SKU-101", "price": 499},
    {"id": "hat", "sku": "SKU-102", "price": 249},
    {"id": "mittens", "sku": "SKU-103", "price": 199},
    {"id": "scarf", "sku": "SKU-104", "price": 299},
)
ID_COOKIE = "_sayso"
_FAULTS: Mapping[str, tuple[Note, Fault | None]] = {
    "works": (Note.META_WORKS, None),
    "error": (Note.META_ERROR, Fault(status=503)),
    "hang": (Note.META_HANG, Fault(hang=True)),
}
_VISITORS_OWN = frozenset({Note.ACCEPT, Note.STATS, Note.REFUSE, Note.WITHDRAW})
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_MOST_BODY = 4096


def make_shop(feed_: Feed, twin: Twin, places: Places) -> web.Application:
    """Make the shop's application."""
    app = web.Application(middlewares=[_guard], client_max_size=_MOST_BODY)
    app[FEED], app[TWIN], app[PLACES] = feed_, twin, places
    app[CLOSING] = asyncio.Event()
    app.on_response_prepare.append(_add_headers)
    app.on_shutdown.append(_close)
    add = app.router.add_route
    for path in ("/", "/p/{product}", "/checkout/{product}", "/thanks"):
        add("GET", path, _page)
    add("GET", "/static/{name:[a-z]+\\.[a-z]+}", _static)
    add("GET", "/visitor", _visitor)
    add("POST", "/visitor", _new_visitor)
    add("POST", "/notes", _note)
    add("POST", "/vendors/meta", _fault)
    add("GET", "/feed", feed)
    add("GET", "/requests/{seq:[0-9]{1,15}}", one_request)
    return app


async def _close(app: web.Application) -> None:
    app[CLOSING].set()


# --- every request --------------------------------------------------------------------------------------------------


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer to this machine's own names only, and take changes from our own pages only."""
    port = request.app[PLACES].shop_port
    own = {f"{host}:{port}" for host in HOSTS}
    if request.host not in own:
        raise web.HTTPMisdirectedRequest(text="the demo is for this machine's own browser")
    if request.method == "POST" and request.headers.get("Origin") not in {f"http://{host}" for host in own}:
        raise web.HTTPForbidden(text="only the demo's own page may do that")
    return await handler(request)


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    gateway = f"http://{request.host.rpartition(':')[0]}:{request.app[PLACES].gateway_port}"
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["Content-Security-Policy"] = (
        f"default-src 'self'; connect-src 'self' {gateway}; base-uri 'none'; form-action 'self';"
        " frame-ancestors 'none'; object-src 'none'"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"


# --- pages ----------------------------------------------------------------------------------------------------------


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("proxy.demo"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )


async def _page(request: web.Request) -> web.Response:
    """Show the shop. Whoever comes without having clicked on the ad is sent through it."""
    asked = {key: request.query[key] for key in ("lang", "preset") if key in request.query}
    if not is_from_ad(request.query):
        raise web.HTTPSeeOther(f"{request.path}?{ad_query(**asked)}")
    language = choose_language(asked.get("lang"), request.headers.get("Accept-Language", ""))
    preset = asked.get("preset", DEFAULT)
    if preset not in PATHS:
        preset = DEFAULT
    said, places = words(language), request.app[PLACES]
    text = _templates().get_template("page.html").render(
        w=said,
        lang=language,
        languages=LANGUAGES,
        language_links={code: f"/?{urlencode({**request.query, 'lang': code})}" for code in LANGUAGES},
        preset=preset,
        presets=list(PATHS),
        products=PRODUCTS,
        click_ids=CLICK_IDS,
        query=request.query,
        gpc=request.headers.get("Sec-GPC") == "1",
        faults=list(_FAULTS),
        fault_now=_fault_now(request.app[TWIN]),
        admin=places.admin,
        twin=places.twin,
        config={
            "lang": language,
            "preset": preset,
            "port": places.gateway_port,
            "path": PATHS[preset],
            "feed": "/feed",
            "products": PRODUCTS,
            "words": said,
        },
    )  # fmt: skip
    return web.Response(text=text, content_type="text/html", headers={"Content-Language": language})


@cache
def _file(name: str) -> bytes | None:
    file = resources.files("proxy.demo").joinpath("static", name)
    return file.read_bytes() if file.is_file() else None


async def _static(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    body, kind = _file(name), _TYPES.get(name[name.rindex(".") :])
    if body is None or kind is None:
        raise web.HTTPNotFound
    return web.Response(body=body, content_type=kind, charset="utf-8")


# --- the visitor ----------------------------------------------------------------------------------------------------


async def _visitor(request: web.Request) -> web.Response:
    """Tell the page which of the gateway's cookies its browser sends; no script can see them, and no value is told."""
    found = {"id": ID_COOKIE in request.cookies, "refusal": REFUSAL_COOKIE in request.cookies}
    return web.json_response(found)


async def _new_visitor(request: web.Request) -> web.Response:
    """Forget who this was, and come by the ad again; ``preset`` says under which policy."""
    form = await request.post()
    preset, language = str(form.get("preset", "")), str(form.get("lang", ""))
    if preset not in PATHS or language not in LANGUAGES:
        raise web.HTTPBadRequest(text="preset, lang: one that the page offers")
    request.app[FEED].note(Note.VISITOR, preset)
    response = web.Response(status=303, headers={"Location": f"/?{ad_query(lang=language, preset=preset)}"})
    for name in (ID_COOKIE, REFUSAL_COOKIE):
        response.del_cookie(name, path="/", httponly=True, samesite="Lax")
    return response


async def _note(request: web.Request) -> web.Response:
    """Put what the visitor chose between the events."""
    note, site = await _member(request, "note"), await _member(request, "site")
    if note not in _VISITORS_OWN or site not in PATHS:
        raise web.HTTPBadRequest(text="note, site: one that the page offers")
    request.app[FEED].note(Note(note), site)
    return web.Response(status=204)


# --- the vendors ----------------------------------------------------------------------------------------------------


async def _fault(request: web.Request) -> web.Response:
    """Make Meta answer, fail or hang."""
    name = await _member(request, "fault")
    if name not in _FAULTS:
        raise web.HTTPBadRequest(text="fault: one that the page offers")
    if name != _fault_now(request.app[TWIN]):
        note, fault = _FAULTS[name]
        request.app[TWIN].fault("meta", *([fault] if fault is not None else []))
        request.app[FEED].note(note, DEFAULT)
    return web.Response(status=204)


def _fault_now(twin: Twin) -> str:
    armed = twin.faults.view().get("meta")
    if not armed:
        return "works"
    return "hang" if armed[0]["hang"] else "error"


async def _member(request: web.Request, key: str) -> str:
    """Return one text of the request's JSON object."""
    try:
        body: object = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        raise web.HTTPBadRequest(text="JSON is wanted") from None
    found = body.get(key) if isinstance(body, dict) else None
    if not isinstance(found, str):
        raise web.HTTPBadRequest(text=f"{key}: a text")
    return found
