"""``/dashboard`` and ``/api/report.*`` of the admin listener: reads a question, asks the source, answers in pages or files."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Protocol
from urllib.parse import urlencode

from aiohttp import web

from proxy.dashboard.access import Access, Admitted, Terms, Unknown, following, read_form
from proxy.dashboard.export import Dialect, as_csv, as_json
from proxy.dashboard.guesses import limit_guesses
from proxy.dashboard.headers import HEADERS, add_headers, refused
from proxy.dashboard.known import Known, Rules
from proxy.dashboard.page import STATIC, dashboard_page, login_page, mistake_page, static_file
from proxy.dashboard.question import MOST_DAYS, Question, QuestionError, read_question
from proxy.dashboard.view import make_view
from proxy.dashboard.words import words
from proxy.languages import LANGUAGES, choose_language
from proxy.store.trouble import StoreUnavailableError
from proxy.zone import zone_of

Handler = Callable[[web.Request], Awaitable[web.Response]]
_KEPT_S: Final = 86_400


class Source(Protocol):
    """Where the numbers come from."""

    def rules(self) -> Rules:
        """Return how the report is kept."""

    def sites(self) -> Mapping[str, frozenset[str]]:
        """Return the names of each site's conversions."""

    async def known(self, question: Question, today: date) -> Known:
        """Return all that a page is made of.

        Raises:
            StoreUnavailableError: it cannot be read now.
        """


@dataclass(frozen=True, slots=True)
class Now:
    """What holds at a request: the configuration may have changed since the last."""

    source: Source
    terms: Terms


class Dashboard:
    """The handlers. ``now`` returns what holds at this moment; ``clock`` Unix seconds."""

    def __init__(self, now: Callable[[], Now], clock: Callable[[], float]) -> None:
        self._now = now
        self._clock = clock
        self._access = Access()

    def add_to(self, app: web.Application) -> None:
        """Add the routes to the admin application, and what holds for all of it."""
        app.middlewares.append(limit_guesses(lambda: self._now().terms))
        app.on_response_prepare.append(add_headers)
        add = app.router.add_route
        add("GET", "/", self._home)
        add("GET", "/dashboard", self._page)
        add("GET", "/dashboard/", self._home)
        add("GET", "/dashboard/static/{name:[a-z]+\\.[a-z]+}", self._static)
        add("GET", "/dashboard/login", self._home)
        add("POST", "/dashboard/login", self._log_in)
        add("POST", "/dashboard/logout", self._log_out)
        add("GET", "/api/report.{form:csv|json}", self._api)

    # -- pages -------------------------------------------------------------------------------------------------------

    async def _home(self, _request: web.Request) -> web.Response:
        return web.Response(status=303, headers={**HEADERS, "Location": "/dashboard"})

    async def _static(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in STATIC:
            raise web.HTTPNotFound
        headers = HEADERS | {"Cache-Control": f"public, max-age={_KEPT_S}"}
        return web.Response(
            body=static_file(name), content_type=STATIC[name], charset="utf-8", headers=headers
        )

    async def _page(self, request: web.Request) -> web.Response:
        now, lang = self._now(), _language(request)
        form = request.query.get("format") or "html"
        if form in {"csv", "json"}:
            norwegian = request.query.get("lang") == "nb"
            return await self._file(request, now, lang, form, Dialect(norwegian=norwegian))
        try:
            admitted = await self._access.admit(request, now.terms)
        except StoreUnavailableError:
            return _store_page(lang)
        match admitted:
            case Admitted(session):
                return await self._shown(request, now, lang, session)
            case Unknown():
                return self._ask(request, now.terms, lang, "", 401)
            case answer:
                if answer.status != 403:
                    return _secured(answer)
                return _html(mistake_page(lang, words(lang)["mistakes"]["host"], "/dashboard"), lang, 403)

    async def _shown(self, request: web.Request, now: Now, lang: str, session: str) -> web.Response:
        """Show the page, or why there is none."""
        try:
            question = self._question(request, now.source, lang)
            known = await now.source.known(question, self._today(now.source))
        except QuestionError as error:
            return _html(mistake_page(lang, _mistake(lang, error), _home_of(lang)), lang, error.status)
        except StoreUnavailableError:
            return _store_page(lang)
        check = self._access.log_out_check(now.terms, session)
        response = _html(await asyncio.to_thread(_shown_page, known, question, check), lang, 200)
        if check:
            # Without a referrer a browser would not tell from where the form that logs out was sent.
            response.headers["Referrer-Policy"] = "same-origin"
        return response

    async def _api(self, request: web.Request) -> web.Response:
        return await self._file(request, self._now(), "en", request.match_info["form"], Dialect(bom=False))

    async def _file(
        self, request: web.Request, now: Now, lang: str, form: str, dialect: Dialect
    ) -> web.Response:
        """Answer with a file, or with why there is none, as JSON."""
        try:
            admitted = await self._access.admit(request, now.terms)
            if isinstance(admitted, Unknown):
                return _unauthorised()
            if isinstance(admitted, web.Response):
                return _secured(admitted)
            question = self._question(request, now.source, lang, form)
            known = await now.source.known(question, self._today(now.source))
        except QuestionError as error:
            return refused(error.status, error.mistake, _mistake("en", error))
        except StoreUnavailableError:
            return refused(503, "store_unavailable", "the store cannot be asked now")
        return await asyncio.to_thread(_written, known, question, dialect)

    def _question(self, request: web.Request, source: Source, lang: str, form: str | None = None) -> Question:
        query = dict(request.query) | ({"format": form} if form is not None else {})
        return read_question(query, source.sites(), self._today(source), lang)

    def _today(self, source: Source) -> date:
        return datetime.fromtimestamp(self._clock(), zone_of(source.rules().zone)).date()

    # -- login -------------------------------------------------------------------------------------------------------

    def _ask(
        self,
        request: web.Request,
        terms: Terms,
        lang: str,
        problem: str,
        status: int,
        asked: str | None = None,
    ) -> web.Response:
        """Show the login."""
        wanted = following(request.path_qs if asked is None else asked)
        languages = [(code, name, f"/dashboard?{urlencode({'lang': code})}", code == lang) for code, name in LANGUAGES.items()]  # fmt: skip
        response = _html("", lang, status)
        check = self._access.form(terms, response, request)
        response.text = login_page(lang, check, wanted, problem, languages)
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    async def _log_in(self, request: web.Request) -> web.Response:
        terms, form = self._now().terms, await read_form(request)
        lang = choose_language(form.get("lang"), request.headers.get("Accept-Language", ""))
        if terms.guard.loopback:
            return await self._home(request)
        wanted = following(form.get("next", ""))
        problem = self._access.log_in(request, terms, form)
        if problem:
            status = {"again": 400, "limited": 429, "wrong": 401}[problem]
            return self._ask(request, terms, lang, problem, status, wanted)
        response = web.Response(status=303, headers={**HEADERS, "Location": wanted})
        self._access.begin(request, terms, response)
        return response

    async def _log_out(self, request: web.Request) -> web.Response:
        response = await self._home(request)
        if not await self._access.log_out(request, self._now().terms, await read_form(request), response):
            return refused(403, "form", "log out by the button on the dashboard")
        return response


def _shown_page(known: Known, question: Question, check: str) -> str:
    """Write the page; in a thread, as delivery shares our loop."""
    return dashboard_page(make_view(known, question), question.lang, check)


def _store_page(lang: str) -> web.Response:
    return _html(mistake_page(lang, words(lang)["mistakes"]["store"], _home_of(lang)), lang, 503)


def _language(request: web.Request) -> str:
    return choose_language(request.query.get("lang"), request.headers.get("Accept-Language", ""))


def _home_of(lang: str) -> str:
    return f"/dashboard?{urlencode({'lang': lang})}"


def _mistake(lang: str, error: QuestionError) -> str:
    return str(words(lang)["mistakes"][error.mistake].format(days=MOST_DAYS))


def _html(text: str, lang: str, status: int) -> web.Response:
    headers = HEADERS | {"Content-Language": lang}
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8", headers=headers)


def _written(known: Known, question: Question, dialect: Dialect) -> web.Response:
    """Write the file; one for people (they open it in a spreadsheet) is saved under a name."""
    headers = dict(HEADERS)
    if question.form == "json":
        return web.Response(body=as_json(known, question), content_type="application/json", headers=headers)
    if dialect.bom:
        name = f"{question.site}-{question.span.first}-{question.span.last}.csv"
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
    body = as_csv(known, question, dialect)
    return web.Response(body=body, content_type="text/csv", charset="utf-8", headers=headers)


def _unauthorised() -> web.Response:
    answer = refused(401, "token", "send the admin token as Authorization: Bearer, or log in at /dashboard")
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _secured(answer: web.Response) -> web.Response:
    answer.headers.update(HEADERS)
    return answer
