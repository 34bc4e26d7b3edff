"""What proves a login: signed, limited in time and purpose, and gone with the token."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.dashboard.access import following
from proxy.dashboard.login import SESSION_S, Attempts, Ended, Signer, same_text
from proxy.dashboard.wired import terms_of
from proxy.settings import ConfigError, Settings, read_settings


class Time:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 1_795_341_600.0

    def __call__(self) -> float:
        return self.now


def test_a_signed_text_is_read_again_until_it_ends() -> None:
    """Twelve hours, not a second more."""
    time = Time()
    signer = Signer("secret", now=time)
    text = signer.sign("session", SESSION_S, "one")
    assert signer.read("session", text) == "one"
    time.now += SESSION_S - 1
    assert signer.read("session", text) == "one"
    time.now += 1
    assert signer.read("session", text) is None


def test_a_signed_text_is_good_for_one_purpose_and_one_token() -> None:
    """A form's is no session's; another token, another signature; two logins differ."""
    signer = Signer("secret")
    assert signer.read("session", signer.sign("form", 60)) is None
    assert Signer("other").read("session", signer.sign("session", 60)) is None
    assert Signer("secret", b"key").read("session", signer.sign("session", 60)) is None
    assert signer.sign("session", 60) != signer.sign("session", 60)
    assert "secret" not in signer.sign("session", 60)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 200), st.characters())
def test_a_text_that_was_changed_is_not_ours(at: int, char: str) -> None:
    """Not one character can be another, the end least of all."""
    signer = Signer("secret")
    text = signer.sign("session", 60, "name")
    at %= len(text)
    changed = text[:at] + char + text[at + 1 :]
    assert signer.read("session", changed) is None or changed == text


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a.b.c", "9999999999.name.", "x" * 5000, "é.\udcff.a", "\ud800.a.b", "a.b.\ud800"]
)
def test_what_is_not_ours_is_refused_quietly(text: str) -> None:
    """Junk in a cookie is no error."""
    assert Signer("secret").read("session", text) is None


def test_a_session_that_was_ended_stays_ended() -> None:
    """Until it would have ended by itself; after that nothing need be remembered."""
    time = Time()
    ended = Ended(time)
    ended.end("one")
    assert "one" in ended
    assert "two" not in ended
    time.now += SESSION_S + 1
    ended.end("two")
    assert "one" not in ended


def test_guessing_is_limited() -> None:
    """Ten wrong ones from an address, then none for the rest of the ten minutes; others still may."""
    time = Time()
    attempts = Attempts(now=time)
    for _ in range(10):
        assert not attempts.exhausted("192.0.2.0")
        attempts.wrong("192.0.2.0")
    assert attempts.exhausted("192.0.2.0")
    assert not attempts.exhausted("198.51.100.0")
    time.now += 600
    assert not attempts.exhausted("192.0.2.0")


def test_guessing_from_everywhere_is_limited_too() -> None:
    """Two hundred wrong ones in all; what is remembered is bounded by that."""
    attempts = Attempts(now=Time())
    for at in range(200):
        attempts.wrong(f"192.0.{at}.0")
    assert attempts.exhausted("203.0.113.0")


def test_no_token_is_matched_by_nothing() -> None:
    """An empty password never equals an empty token."""
    assert same_text("secret", "secret")
    assert not same_text("Secret", "secret")
    assert not same_text("", "")
    assert not same_text("\udcff", "secret")


@pytest.mark.parametrize(
    ("asked", "to"),
    [
        ("/dashboard", "/dashboard"),
        ("/dashboard?site=shop&lang=nb", "/dashboard?site=shop&lang=nb"),
        ("https://evil.example/dashboard", "/dashboard"),
        ("//evil.example", "/dashboard"),
        ("/dashboard/../evil", "/dashboard"),
        ("/dashboard\\@evil.example", "/dashboard"),
        ("/dashboard?a=b\r\nSet-Cookie: x=y", "/dashboard"),
        ("/dashboard?a=\u2028", "/dashboard"),
        ("/dashboards", "/dashboard"),
        ("javascript:alert(1)", "/dashboard"),
        ("", "/dashboard"),
        ("/dashboard?" + "a" * 5000, "/dashboard"),
    ],
)
def test_a_login_leads_nowhere_else(asked: str, to: str) -> None:
    """Only to an address of the dashboard's own."""
    assert following(asked) == to


def read(document: dict[str, object]) -> Settings:
    """Read a configuration of one shop with these tables."""
    sites = {"shop": {"hosts": ["shop.example"]}}
    return read_settings({"sites": sites, **document}, file="test", folder=Path.cwd())


def test_a_header_needs_a_proxy_that_is_trusted() -> None:
    """Without one it would never be believed, and whoever set it would be surprised."""
    with pytest.raises(ConfigError) as caught:
        read({"dashboard": {"user_header": "X-Forwarded-User"}})
    (problem,) = caught.value.problems
    assert problem.key == "dashboard.user_header"
    server = {"trusted_proxies": ["10.0.0.5/32"], "admin_listen": "0.0.0.0:9464", "admin_token": "secret"}
    terms = terms_of(read({"dashboard": {"user_header": "X-Forwarded-User"}, "server": server}))
    assert (terms.user_header, terms.guard.loopback) == ("X-Forwarded-User", False)
    assert terms.proxies.trusts("10.0.0.5")
    assert not terms.proxies.trusts("10.0.0.6")
    assert not terms.proxies.trusts(None)
    assert "secret" not in repr(terms)


@pytest.mark.parametrize("name", ["X Forwarded", "X-User:", "Ünicode", "X\r\nY", "-x"])
def test_a_header_has_a_headers_name(name: str) -> None:
    """What is no name of a header is told."""
    with pytest.raises(ConfigError):
        read({"dashboard": {"user_header": name}, "server": {"trusted_proxies": ["10.0.0.5/32"]}})
