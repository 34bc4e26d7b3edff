"""Reduction of URLs: what of a page's or a referrer's address may leave. Pure, by hand for speed.

A parameter or path segment that holds personal data is replaced by ``redacted`` whole, name and value apart, so the URL
stays a URL. Fragments and user names never stay.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_plus

from proxy.clickids import CLICK_IDS, valid
from proxy.scrub import LONG, TRIGGER, decodings, scrub_text, shows_personal_data
from proxy.sensitive_keys import HARMLESS, is_sensitive

MARK: Final = "redacted"

MAX_LENGTH: Final = 2000
"""No reduced URL is longer, in characters; vendors cut at 1000 to 2048 themselves, in the middle of a parameter."""
_MAX_INPUT = 8192
_MAX_PARAMETERS = 200
_MAX_UTM_VALUE = 256

_AUTHORITY = re.compile(r"(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_UTM = re.compile(r"utm_[a-z0-9_]{1,32}", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
# Names of parameters inside a value: an address to return to, a segment with matrix parameters.
_INNER_NAME = re.compile(r"([\w.\[\]-]{1,64})=")
_SECRET_SEGMENT = 16
# Path segments after which an id is a key to somebody's account or names its holder.
_SECRET_WORDS: Final = frozenset(
    "token session key auth oauth password passord reset verify verification confirm confirmation activate activation"
    " unsubscribe avmeld invite invitation magic email epost login user users customer customers member members account"
    " accounts profile kunde bruker konto".split()
)
_WORD = re.compile(r"[^\W_]+")
_ENCODED_EMAIL = 12
_KNOWN_UTM: Final = frozenset(name for name in HARMLESS if name.startswith("utm_"))
# The common form of a URL in one go: lower-case origin, path, query.
_PLAIN_URL = re.compile(r"(https?://[a-z0-9.-]+(?::[0-9]{1,5})?)((?:/[^?#\\]*)?)(?:\?([^#]*))?(?:#.*)?")

_NONE: Final[frozenset[str]] = frozenset()


@dataclass(slots=True, repr=False)  # not frozen: that would triple the cost of making one
class ReducedUrl:
    """A URL without fragment and user name, its personal data redacted, ready for each receiver.

    Attributes:
        origin: ``scheme://host[:port]``, lower case.
        click_ids: every valid click id by lower-case name, decoded; the first of a name wins.
    """

    origin: str
    click_ids: dict[str, str]
    _base: str
    _parameters: list[str]
    _clicks: dict[int, str]

    def full(self, keep: frozenset[str]) -> str:
        """Return the URL with only those click ids that the receiver may have; ``keep`` holds lower-case names."""
        clicks = self._clicks
        if not clicks or keep.issuperset(clicks.values()):
            return _fit(self._base, self._parameters)
        kept = [
            pair
            for index, pair in enumerate(self._parameters)
            if index not in clicks or clicks[index] in keep
        ]
        return _fit(self._base, kept)

    def cookieless(self) -> str:
        """Return origin, path and the ``utm_*`` parameters, no others."""
        kept = []
        for pair in self._parameters:
            name, equals, value = pair.partition("=")
            if name in _KNOWN_UTM or _UTM.fullmatch(name) is not None:
                # A campaign has a name; a UUID there is more likely a person's.
                personal = len(value) >= LONG and _UUID.search(_decoded(value)) is not None
                kept.append(f"{name}{equals}{MARK}" if personal else pair)
        return _fit(self._base, kept)


def reduce_url(url: str) -> ReducedUrl | None:
    """Reduce an absolute http(s) URL once, for all receivers; None if it is anything else."""
    parts = _split(url)
    if parts is None:
        return None
    origin, path, query = parts
    click_ids: dict[str, str] = {}
    parameters: list[str] = []
    clicks: dict[int, str] = {}
    if query:
        quiet = _is_quiet(query)
        for pair in query.split("&", _MAX_PARAMETERS)[:_MAX_PARAMETERS]:
            name, _, value = pair.partition("=")
            if quiet and name in HARMLESS and (len(value) < _ENCODED_EMAIL and "=" not in value):
                parameters.append(pair)
            elif (key := _key(name)) in CLICK_IDS:
                decoded = _decoded(value)
                if valid(key, decoded):
                    clicks[len(parameters)] = key
                    parameters.append(pair)
                    click_ids.setdefault(key, decoded)
            elif pair:
                parameters.append(_scrub_parameter(pair, quiet=quiet))
    return ReducedUrl(origin, click_ids, origin + _scrub_path(path), parameters, clicks)


def full_url(url: str, keep: frozenset[str]) -> str | None:
    """Reduce a URL for one receiver of a full event.

    Args:
        url: absolute, http or https.
        keep: lower-case names of the click ids that the receiver may have; valid ones stay as they are.

    Returns:
        The URL without user name, fragment and other click ids, personal data redacted, at most ``MAX_LENGTH`` long
        (whole parameters are left off at the end); None if it is not an absolute http(s) URL.
    """
    reduced = reduce_url(url)
    return None if reduced is None else reduced.full(keep)


def cookieless_url(url: str) -> str | None:
    """Reduce a URL for a cookieless event: origin, scrubbed path and scrubbed ``utm_*`` parameters, no others."""
    reduced = reduce_url(url)
    return None if reduced is None else reduced.cookieless()


def origin_of(url: str) -> str | None:
    """Return ``scheme://host[:port]`` of an http, https or android-app URL, None for anything else."""
    parts = _split(url, ("https", "http", "android-app"))
    return None if parts is None else parts[0]


def utm_params(url: str) -> dict[str, str]:
    """Return the ``utm_*`` parameters of a URL, decoded and scrubbed, by lower-case name; the first of a name wins."""
    parts = _split(url)
    found: dict[str, str] = {}
    if parts is not None and "utm_" in parts[2].lower():
        for pair in parts[2].split("&", _MAX_PARAMETERS)[:_MAX_PARAMETERS]:
            name, _, value = pair.partition("=")
            if value and (
                name in _KNOWN_UTM or (_UTM.fullmatch(name) is not None and not is_sensitive(name))
            ):
                decoded = unquote_plus(value) if "%" in value or "+" in value else value
                found.setdefault(name.lower(), scrub_text(decoded)[:_MAX_UTM_VALUE])
    return found


def scrub_value(text: str) -> str:
    """Scrub the text of a free parameter: as a URL without any click id if it looks like one, else as text."""
    if text.startswith(("https://", "http://")):
        return full_url(text, _NONE) or MARK
    return scrub_text(text)


def _split(url: str, schemes: tuple[str, ...] = ("https", "http")) -> tuple[str, str, str] | None:
    """Split into origin, path and query; without user name and fragment."""
    if len(url) <= _MAX_INPUT and url.isprintable() and (plain := _PLAIN_URL.fullmatch(url)) is not None:
        return plain[1], plain[2], plain[3] or ""
    return _split_any(url, schemes)


def _split_any(url: str, schemes: tuple[str, ...]) -> tuple[str, str, str] | None:
    if not url.isprintable():
        # Browsers drop tabs and line ends inside URLs; left in, they would hide an address from the patterns.
        url = "".join(filter(str.isprintable, url))
    url = url.strip().partition("#")[0]
    if len(url) > _MAX_INPUT:
        url = _cut(url, _MAX_INPUT)
    scheme, mark, rest = url.partition("://")
    scheme = scheme.lower()
    if not mark or scheme not in schemes:
        return None
    rest, _, query = rest.partition("?")
    if "\\" in rest:
        rest = rest.replace("\\", "/")  # as browsers read it
    authority, slash, path = rest.partition("/")
    if "@" in authority:
        authority = authority.rpartition("@")[2]
    if _AUTHORITY.fullmatch(authority) is None:
        return None
    return f"{scheme}://{authority.lower()}", slash + path, query


def _cut(text: str, length: int) -> str:
    """Shorten a URL at the end of a parameter or path segment, never within one."""
    marks = "?&" if "?" in text[:length] else "/"
    return text[: max(text.rfind(mark, 0, length) for mark in marks) + 1].rstrip("?&")


def _fit(base: str, parameters: list[str]) -> str:
    if len(base) > MAX_LENGTH:
        return _cut(base, MAX_LENGTH)
    if not parameters:
        return base
    whole = f"{base}?{'&'.join(parameters)}"
    return whole if len(whole) <= MAX_LENGTH else _cut(whole, MAX_LENGTH + 1)


def _scrub_path(path: str) -> str:
    quiet = _is_quiet(path) and "=" not in path
    if quiet and len(path) < _ENCODED_EMAIL:
        return path
    segments = path.split("/")
    before = ""
    for index, segment in enumerate(segments):
        # A short segment of a quiet path needs no look at all.
        if (not quiet or len(segment) >= _ENCODED_EMAIL) and _is_personal_segment(
            before, segment, quiet=quiet
        ):
            segments[index] = MARK
        before = segment
    return "/".join(segments)


def _is_personal_segment(before: str, segment: str, *, quiet: bool) -> bool:
    if not (quiet and _is_plain(segment)) and _is_dirty(segment):
        return True
    # What the segment before it announces: /reset-password/9f8a7b6c5d4e3f2a
    if len(segment) < _SECRET_SEGMENT or segment.isalpha():
        return False
    if not segment.isalnum() and (len(segment) != 36 or _UUID.fullmatch(segment) is None):
        return False
    return not _SECRET_WORDS.isdisjoint(_WORD.findall(before.lower()))


def _scrub_parameter(pair: str, *, quiet: bool) -> str:
    """Redact in one ``name=value``. ``quiet``: what ``_is_quiet`` said of the whole query."""
    name, equals, value = pair.partition("=")
    if value and (is_sensitive(name) or (not (quiet and _is_plain(value)) and _is_dirty_value(value))):
        value = MARK
    if not (quiet and _is_plain(name)) and _is_dirty_value(name):
        name = MARK
    return name + equals + value


def _is_quiet(text: str) -> bool:
    """Tell, cheaply, that nothing short in a whole path or query can be personal."""
    return "%" not in text and TRIGGER.search(text) is None


def _is_plain(text: str) -> bool:
    """Tell, cheaply, that a part of something quiet is no token, encoded address or parameter within a parameter."""
    if "=" in text:
        return False
    if len(text) < _ENCODED_EMAIL:
        return True
    # Lower-case words joined by hyphens are a slug, however long.
    return text.islower() and (len(text) < LONG or max(map(len, text.split("-"))) < LONG)


def _decoded(text: str) -> str:
    """Return a text percent-decoded as far as it goes."""
    if "%" in text:
        *_, text = decodings(text)
    return text


def _key(name: str) -> str:
    """Return a parameter's name as click ids are listed: decoded, lower-case, without an array's brackets."""
    return _decoded(name).partition("[")[0].lower()


def _is_dirty_value(text: str) -> bool:
    """Like ``_is_dirty``, for a query, where a plus is a blank."""
    return _is_dirty(text) or ("+" in text and _is_dirty(text.replace("+", " ")))


def _is_dirty(text: str) -> bool:
    """Tell whether a segment, name or value holds personal data, or another parameter that may not leave."""
    return any(shows_personal_data(level) or _holds_parameter(level) for level in decodings(text))


def _holds_parameter(text: str) -> bool:
    return "=" in text and any(
        _key(found[1]) in CLICK_IDS or is_sensitive(found[1]) for found in _INNER_NAME.finditer(text)
    )
