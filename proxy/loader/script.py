"""The loader's script, put together from its parts: one file for each way of using it. Pure.

There is no build chain: the parts are written by hand, joined in one function (but for the one that is fetched), and rid of their white space and comments
by rjsmin when a process starts. See docs/adr/0021-one-script-no-build.md.
"""

import gzip
import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256, sha384
from importlib.resources import files

import rjsmin

CORE, CMP = "core", "cmp"
PARTS = (CORE, CMP, "auto", "segment")
"""Every part, the core first, which is always there. What hears consent platforms is a file of its own, which the script
fetches: pages that have none, or name it ``none``, need not carry it."""
COLLECT, CONSENT, STEM = "collect", "consent", "sayso"
LENT = ("win", "doc", "opts", "json", "safe", "on", "FOUR", "YES", "NO", "said")
"""Names of the core's that a part in a file of its own may use."""
_USUAL = {"collect": COLLECT, "consent": CONSENT}
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
    paths = {"collect": collect, "consent": consent}
    if CMP not in parts:
        return _packed(source(parts, paths))
    fetched = _packed(_alone(CMP))
    name = f"{stem}.{CMP}.{fetched.digest}.js"
    body = source(parts, {**paths, CMP: name, "integrity": fetched.integrity})
    return replace(_packed(body), fetches=fetched, fetched_as=name)


def _packed(written: str) -> Script:
    body = minified(written).encode()
    return Script(
        body=body,
        gzipped=gzip.compress(body, 9, mtime=0),
        digest=sha256(body).hexdigest()[:_HASH_DIGITS],
        integrity=f"sha384-{b64encode(sha384(body).digest()).decode()}",
    )


def source(parts: tuple[str, ...] = PARTS, paths: Mapping[str, str] = _USUAL) -> str:
    """Return the script as it was written, in one function of its own: it adds one name to the page's.

    The further parts use the core's names and not each other's. Each runs in the core's ``safe``: one that a page cannot
    bear costs itself alone.
    """
    stated = json.dumps(paths, separators=(",", ":"))
    further = [_guarded(name) for name in PARTS if name in parts and name not in {CORE, CMP}]
    return "\n".join(
        ['(function(){"use strict";', f"const PATHS={stated};", _part(CORE), *further, "})();\n"]
    )


def _alone(name: str) -> str:
    """Return a part as a file of its own: it takes the core's names from where the core has left them."""
    names = "const {" + ",".join(LENT) + "}=_sayso;"
    return "\n".join(['(function(){"use strict";', names, _guarded(name), "})();\n"])


def _guarded(name: str) -> str:
    return f"safe(() => {{\n{_part(name)}}})();"


def minified(script: str) -> str:
    """Return a script without what only people need: comments, white space. Names stay as they are."""
    return str(rjsmin.jsmin(script)).strip() + "\n"


@cache
def _part(name: str) -> str:
    return files("proxy.loader").joinpath("parts", f"{name}.js").read_text(encoding="utf-8")
