"""The dashboard where others can reach it: only with the admin token, a login by it, or a trusted proxy's word."""

import re
from collections.abc import AsyncIterator, Mapping
from http.cookies import SimpleCookie
from typing import Any

import aiohttp
import pytest

from proxy.dashboard.login import Signer
from tests.support.made_up_report import SECRET, Listener

TOKEN = "an-admin-token"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
SAME = {"Sec-Fetch-Site": "same-origin"}


class Person:
    """Somebody with a browser: it keeps cookies and says from where a form was sent."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self.url = url
        self.http = http

    async def open(self, path: str = "/dashboard", **headers: str) -> tuple[int, str]:
        """Open a page; return the status and the page."""
        async with self.http.get(self.url + path, headers=headers, allow_redirects=False) as answer:
            return answer.status, await answer.text()

    async def send(
        self, path: str, form: Mapping[str, str], headers: Mapping[str, str] = SAME
    ) -> tuple[int, Any, str]:
        """Send a form; return the status, the headers and the page."""
        async with self.http.post(
            self.url + path, data=form, headers=headers, allow_redirects=False
        ) as answer:
            return answer.status, answer.headers, await answer.text()

    async def log_in(
        self, token: str = TOKEN, headers: Mapping[str, str] = SAME, path: str = "/dashboard", **changed: str
    ) -> tuple[int, Any, str]:
        """Open the dashboard and fill in the form that comes."""
        status, page = await self.open(path)
        assert status == 401
        form = {**fields(page), "token": token, **changed}
        return await self.send("/dashboard/login", form, headers)


def fields(page: str) -> dict[str, str]:
    """Return the hidden fields of the page's form."""
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page)
    return {name: value.replace("&amp;", "&") for name, value in found}


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    """Start a listener that others can reach."""
    async with Listener(token=TOKEN) as listener:
        yield listener


@pytest.fixture
async def person(listener: Listener) -> AsyncIterator[Person]:
    """Make somebody who has not logged in."""
    async with aiohttp.ClientSession(
        cookie_jar=aiohttp.CookieJar(unsafe=True), headers={"Accept-Language": "en"}
    ) as http:
        yield Person(listener.url, http)


async def test_without_a_login_there_is_only_the_login(person: Person, listener: Listener) -> None:
    """No number is shown, and none is read."""
    status, page = await person.open("/dashboard?period=7d")
    assert status == 401
    assert "Log in to the dashboard" in page
    assert "ullvik" not in page
    for path in ("/dashboard?format=csv", "/dashboard?format=json", "/api/report.csv", "/api/report.json"):
        status, text = await person.open(path)
        assert status == 401
        assert '"reason": "token"' in text
    assert listener.source.asked == []


async def test_programs_send_the_token(person: Person) -> None:
    """As for the rest of the admin API; a wrong one is refused without a form."""
    for path in ("/api/report.json", "/api/report.csv", "/dashboard", "/dashboard?format=json"):
        assert (await person.open(path, **BEARER))[0] == 200
        status, text = await person.open(path, Authorization="Bearer wrong")
        assert (status, "<form" in text) == (401, False)


async def test_a_login_leads_to_what_was_asked_for(person: Person) -> None:
    """Language and question are kept; from then on pages and files are there."""
    status, headers, _ = await person.log_in(path="/dashboard?period=7d&lang=nb")
    assert (status, headers["Location"]) == (303, "/dashboard?period=7d&lang=nb")
    status, page = await person.open(headers["Location"])
    assert status == 200
    assert "Logg ut" in page
    assert (await person.open("/dashboard?format=csv"))[0] == 200
    assert (await person.open("/api/report.json"))[0] == 200


async def test_the_cookie_is_for_this_site_and_no_script(person: Person) -> None:
    """HttpOnly, SameSite=Strict, twelve hours; Secure wherever the browser came by https."""
    _, headers, _ = await person.log_in()
    cookie = SimpleCookie("\n".join(headers.getall("Set-Cookie")))
    (line,) = [one for one in headers.getall("Set-Cookie") if one.startswith("sayso_admin=")]
    assert "HttpOnly" in line
    assert "SameSite=Strict" in line
    assert "Max-Age=43200" in line
    assert "Secure" not in line
    assert TOKEN not in line
    assert cookie is not None


async def test_behind_https_the_cookie_never_goes_without(person: Person) -> None:
    """A proxy in front speaks https with the browser: the browser's origin says so."""
    host = person.url.removeprefix("http://")
    _, headers, _ = await person.log_in(headers={"Origin": f"https://{host}"})
    (line,) = [one for one in headers.getall("Set-Cookie") if one.startswith("sayso_admin=")]
    assert "Secure" in line


async def test_a_wrong_password_is_told_and_gets_nothing(person: Person) -> None:
    """The form comes again and can be used at once."""
    status, headers, page = await person.log_in("wrong")
    assert status == 401
    assert "That was not the password." in page
    assert not any(one.startswith("sayso_admin") for one in headers.getall("Set-Cookie"))
    status, _, _ = await person.send("/dashboard/login", {**fields(page), "token": TOKEN})
    assert status == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {},
    ],
)
async def test_a_form_from_elsewhere_is_refused(person: Person, headers: dict[str, str]) -> None:
    """The browser says from where a form was sent; one that does not say so is not believed."""
    status, _, page = await person.log_in(headers=headers)
    assert status == 400
    assert "came from elsewhere" in page
    assert (await person.open())[0] == 401


async def test_a_form_without_its_cookie_or_check_is_refused(person: Person) -> None:
    """A form belongs to the browser that got it."""
    assert (await person.log_in(check=""))[0] == 400
    _, page = await person.open()
    other = fields(page)
    person.http.cookie_jar.clear()
    assert (await person.send("/dashboard/login", {**other, "token": TOKEN}))[0] == 400


async def test_a_login_leads_nowhere_else(person: Person) -> None:
    """Whatever the form names as the next page."""
    for elsewhere in ("https://evil.example", "//evil.example", "/dashboard@evil", "/events/1"):
        person.http.cookie_jar.clear()
        status, headers, _ = await person.log_in(next=elsewhere)
        assert (status, headers["Location"]) == (303, "/dashboard")


async def test_guessing_ends_after_ten(person: Person) -> None:
    """Then not even the right one is taken for a while."""
    for _ in range(10):
        assert (await person.log_in("wrong"))[0] == 401
    status, _, page = await person.log_in(TOKEN)
    assert status == 429
    assert "Please wait" in page


async def test_guessing_by_authorization_ends_too(person: Person) -> None:
    """The form is not the only way in: after a hundred wrong tokens not even the right one is taken, metrics are."""
    for at in range(100):
        path = ("/api/report.json", "/dashboard", "/dashboard?format=csv")[at % 3]
        assert (await person.open(path, Authorization=f"Bearer {at}"))[0] == 401
    for path in ("/api/report.json", "/dashboard"):
        status, text = await person.open(path, **BEARER)
        assert (status, '"reason": "limited"' in text) == (429, True)
    assert (await person.log_in())[0] == 303


async def test_what_a_stranger_is_given_does_not_tell_the_token(person: Person) -> None:
    """The form is signed with the installation's secret, too: no token can be tried against it at home."""
    _, page = await person.open()
    check = fields(page)["check"]
    assert Signer(TOKEN).read("check", check) is None
    assert Signer(TOKEN, SECRET).read("check", check) is not None


async def test_logging_out_ends_the_session_itself(person: Person) -> None:
    """A copy of the cookie is worth nothing afterwards."""
    await person.log_in()
    cookies = {one.key: one.value for one in person.http.cookie_jar}
    _, page = await person.open()
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    assert (await person.send("/dashboard/logout", fields(page), elsewhere))[0] == 403
    assert (await person.send("/dashboard/logout", {"check": "x"}))[0] == 403
    assert (await person.open())[0] == 200
    assert (await person.send("/dashboard/logout", fields(page)))[0] == 303
    assert (await person.open())[0] == 401
    assert (await person.open(Cookie=f"sayso_admin={cookies['sayso_admin']}"))[0] == 401


async def test_no_body_brings_an_error(person: Person) -> None:
    """What is no form of ours is refused."""
    for data in (b"", b"\xff" * 100, b"a=" + b"x" * 20_000, b"&".join(b"a=1" for _ in range(99))):
        async with person.http.post(
            person.url + "/dashboard/login",
            data=data,
            headers={**SAME, "Content-Type": "application/x-www-form-urlencoded"},
        ) as answer:
            assert answer.status == 400
    async with person.http.post(
        person.url + "/dashboard/login", json={"token": TOKEN}, headers=SAME
    ) as answer:
        assert answer.status == 400


@pytest.mark.parametrize(
    ("proxies", "headers", "status"),
    [
        (["127.0.0.0/8"], {"X-Forwarded-User": "kari"}, 200),
        (["127.0.0.0/8"], {"X-Forwarded-User": " "}, 401),
        (["127.0.0.0/8"], {"X-Remote-User": "kari"}, 401),
        (["127.0.0.0/8"], {}, 401),
        (["10.0.0.0/8"], {"X-Forwarded-User": "kari"}, 401),
        ([], {"X-Forwarded-User": "kari"}, 401),
    ],
)
async def test_a_proxy_of_ours_may_say_who_it_is(
    proxies: list[str], headers: dict[str, str], status: int
) -> None:
    """Its header is believed from the trusted proxies only."""
    async with (
        Listener(token=TOKEN, user_header="X-Forwarded-User", proxies=proxies) as listener,
        aiohttp.ClientSession(listener.url) as http,
    ):
        for path in ("/dashboard", "/api/report.json"):
            async with http.get(path, headers=headers) as answer:
                assert answer.status == status
                assert "kari" not in await answer.text()


async def test_a_proxy_that_only_adds_a_second_header_is_not_believed() -> None:
    """The first of two may be the browser's own."""
    async with (
        Listener(token=TOKEN, user_header="X-Forwarded-User", proxies=["127.0.0.1"]) as listener,
        aiohttp.ClientSession(listener.url) as http,
    ):
        twice = [("X-Forwarded-User", "evil"), ("X-Forwarded-User", "kari")]
        async with http.get("/dashboard", headers=twice) as answer:
            assert answer.status == 401
