"""The loader's script, put together from its parts: one file for each way of using it. Pure.

There is no build chain: the parts are written by hand, joined in two files of one function each, and rid of their white
space and comments by rjsmin when a process starts. Pages wait for the first file alone: it takes their calls, and sends. It
fetches the second, which hears what a page need not be ready for at once. See docs/adr/0021-one-script-no-build.md.
"""

import gzip
import json
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from hashlib import new, sha256
from importlib.resources import files
from string import ascii_letters

import rjsmin

CORE, CMP, MORE = "core", "cmp", "more"
PARTS = (CORE, CMP, "auto", "segment")
"""Every part that a site may have, the core first, which is always there."""
FIRST: Mapping[str, tuple[str, ...]] = {CORE: (CORE,), "auto": ("early",), "segment": ("queue",)}
"""By part: what of it stands in the first file."""
SECOND: Mapping[str, tuple[str, ...]] = {CMP: ("cmp",), "auto": ("auto",), "segment": ("segment",)}
"""By part: what of it stands in the second file, which is there if there is anything for it."""
COLLECT, CONSENT, STEM = "collect", "consent", "sayso"
LENT = ("opts", "said", "track", "view", "at", "sets")
"""Names of the core's that the second file may use."""
SHORTENED = tuple(
    "win doc loc now json tag base safe on FOUR YES NO held holds state may since assume hold free clicks CLICK OWN seen"
    " bare flat mint dress news ahead until pause post pump cart quiet take start known old call batch"
    " path layer text target names time less busy anew open end ads what PATHS worth few pack later leave"
    " stored keep send ours tried gone sent list lock over key full".split()
)
"""The core's own names that become one or two letters in the first file: a twentieth of it. None of them is a property's
name there; a test holds them to it. What stands in a text or a pattern is left alone, whatever it is."""
_USUAL: Mapping[str, str] = {"collect": COLLECT, "consent": CONSENT}
LITERAL = re.compile(
    r"""
    "(?:\\.|[^"\\\n])*"  |  '(?:\\.|[^'\\\n])*'  |  `(?:\\.|[^`\\])*`
    # A pattern and not a division: nothing stands before it that could be divided.
    | (?<![\w$)\].])/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\[\n])+/[a-z]*
    """,
    re.VERBOSE,
)
"""A text, a template or a pattern of a script that was minified: looked for from its beginning on, since each of them may
hold what begins another."""
NAME = re.compile(rf"""(?<![\w$])(?<!(?<!\.\.)\.)(?:{"|".join(SHORTENED)})(?![\w$])""", re.ASCII)
"""One of them where it is used: not after a dot, unless there are three."""
_TOKEN = re.compile(
    rf"(?P<literal>{LITERAL.pattern})|(?P<name>\bconst\b|{NAME.pattern})|(?P<needless>;(?=}})|,(?=[\])}}]))",
    re.VERBOSE | re.ASCII,
)
"""What a script is looked through for; needless is what ends the last statement of a block, and the last of several."""
_HASH_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Script:
    """A script, ready to be served. ``digest`` (hex) names its exact content, ``integrity`` proves it to a browser."""

    body: bytes
    gzipped: bytes
    digest: str
    integrity: str
    fetches: "Script | None" = None
    """The file that it fetches, where it fetches one."""
    fetched_as: str = ""
    """Under which name, below its own folder."""


@cache
def make_script(
    parts: tuple[str, ...] = PARTS, collect: str = COLLECT, consent: str = CONSENT, stem: str = STEM
) -> Script:
    """Put a script together. The same wishes give the same bytes, in every process and on every machine.

    Args:
        parts: which parts there are; the core is, and the order is ours, whatever is written.
        collect: the route, below the script's own folder, that takes events.
        consent: the route that takes consent.
        stem: the script's name without ``.js``: what it fetches is named after it.
    """
    paths: dict[str, str] = {"collect": collect, "consent": consent}
    written = _second(parts)
    if not written:
        return _packed(shortened(minified(source(parts, paths))))
    fetched = _packed(minified(written))
    name = f"{stem}.{MORE}.{fetched.digest}.js"
    paths |= {MORE: name, "integrity": _sri("sha256", fetched.body)}
    return replace(_packed(shortened(minified(source(parts, paths)))), fetches=fetched, fetched_as=name)


def _packed(text: str) -> Script:
    body = text.encode()
    return Script(
        body=body,
        gzipped=gzip.compress(body, 9, mtime=0),
        digest=sha256(body).hexdigest()[:_HASH_DIGITS],
        integrity=_sri("sha384", body),
    )


def _sri(algorithm: str, body: bytes) -> str:
    """Return what ``integrity`` of a tag says of these bytes."""
    return f"{algorithm}-{b64encode(new(algorithm, body).digest()).decode()}"


def source(parts: tuple[str, ...] = PARTS, paths: Mapping[str, str] = _USUAL) -> str:
    """Return the first file as it was written, in one function of its own: it adds one name to the page's.

    The further parts use the core's names and not each other's. Each runs in the core's ``safe``: one that a page cannot
    bear costs itself alone.
    """
    stated = json.dumps(paths, separators=(",", ":"))
    further = [_guarded(name) for name in _of(FIRST, parts) if name != CORE]
    return "\n".join(
        ['(function(){"use strict";', f"const PATHS={stated};", _part(CORE), *further, "})();\n"]
    )


def _second(parts: tuple[str, ...]) -> str:
    """Return the second file as it was written; empty: there is nothing for it.

    It takes the core's names from where the core has left them. What waited for it (``then``) is taken up when all its parts
    are there, under no more consent than when events last ceased to wait: made while that was refused, it stays so.
    """
    further = _of(SECOND, parts)
    if not further:
        return ""
    return "\n".join(
        [
            '(function(){"use strict";',
            f"const my=_sayso,{{{','.join(LENT)}}}=my;",
            _part("common"),
            *map(_guarded, ("anew", *further)),
            "my.late=my.low;last.map((f)=>f());my.late=0;",
            "})();\n",
        ]
    )


def _of(files: Mapping[str, tuple[str, ...]], parts: tuple[str, ...]) -> list[str]:
    """Return what of these parts stands in a file, in our order."""
    return [name for part in PARTS if part in parts or part == CORE for name in files.get(part, ())]


def _guarded(name: str) -> str:
    return f"safe(() => {{\n{_part(name)}}})();"


def shortened(script: str) -> str:
    """Return a script, already minified, in which each name of ``SHORTENED`` is one that is not in use yet.

    Texts and patterns are served as they are written.

    Raises:
        ValueError: there is a template in it. It may hold names that would have to be shortened too.
    """
    used = set(re.findall(r"[A-Za-z_$][\w$]*", script))
    # Letters that the script is full of anyway, and the shortest names for what is used most: it packs better.
    letters = sorted(ascii_letters, key=lambda letter: (-script.count(letter), letter))
    fresh = (name for name in (*letters, *map("s{}".format, letters)) if name not in used)
    found = [one["name"] for one in _TOKEN.finditer(script) if one["name"]]
    names = dict(zip(sorted(SHORTENED, key=lambda name: (-found.count(name), name)), fresh, strict=False))
    names["const"] = "let"

    def change(found: re.Match[str]) -> str:
        if found["name"]:
            return names[str(found["name"])]
        if found[0][0] == "`":
            raise ValueError("a template cannot be shortened")
        return "" if found["needless"] else found[0]

    return _TOKEN.sub(change, script)


def minified(script: str) -> str:
    """Return a script without what only people need: comments, white space. Names stay as they are."""
    return str(rjsmin.jsmin(script)).strip() + "\n"


@cache
def _part(name: str) -> str:
    return files("proxy.loader").joinpath("parts", f"{name}.js").read_text(encoding="utf-8")
