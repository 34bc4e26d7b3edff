"""Writes the pages: Jinja templates that escape everything, and the files that go with them."""

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from proxy.dashboard.figures import PATTERNS
from proxy.dashboard.view import View
from proxy.dashboard.words import words

STATIC: Final = {"dashboard.css": "text/css", "sayso.svg": "image/svg+xml"}


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("proxy.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def static_file(name: str) -> bytes:
    """Return a file of ``STATIC``."""
    return resources.files("proxy.dashboard").joinpath("static", name).read_bytes()


@cache
def _version() -> str:
    """Return what changes with the style sheet, so that browsers may keep it."""
    return sha256(static_file("dashboard.css")).hexdigest()[:12]


def _render(name: str, lang: str, **context: Any) -> str:
    template = _templates().get_template(name)
    return template.render(w=words(lang), lang=lang, version=_version(), **context)


def dashboard_page(view: View, lang: str, log_out: str) -> str:
    """Write the dashboard. ``log_out`` is the check of the form that logs out, empty where nobody logged in."""
    return _render("dashboard.html", lang, v=view, patterns=PATTERNS, log_out=log_out)


def login_page(
    lang: str, check: str, following: str, problem: str, languages: Sequence[tuple[str, str, str, bool]]
) -> str:
    """Write the login.

    Args:
        lang: the language.
        check: what the form sends back, to show that it is ours.
        following: where to go after it.
        problem: the text's key, or "".
        languages: code, name, link and whether it is the chosen one, of each language.
    """
    return _render(
        "login.html", lang, check=check, next=following, problem=problem, languages=languages, log_out=""
    )


def mistake_page(lang: str, text: str, back: str) -> str:
    """Write why there is no dashboard to show. ``back`` leads to one."""
    return _render("mistake.html", lang, words=text, back=back, log_out="")
