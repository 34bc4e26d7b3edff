"""A vendor's own words, made fit to be kept: short, on one line, and without values of the event that they may quote."""

import re

from forwarders.base import Response

LONGEST = 200
_READ, _LONG = 8000, 1000
_VALUES = re.compile(
    r"""
    [a-z][a-z0-9+.-]{0,20}://\S*                        # an address of a page
    | [^\s@"'<>]+@[^\s@"'<>]+                            # an e-mail address
    | Mozilla/.*                                         # a user agent, to the end
    | [0-9]{1,3}(?:\.[0-9]{1,3}){3}                      # an IPv4 address
    | (?:[0-9a-f]{0,4}:){2,8}[0-9a-f.:]*                 # an IPv6 address
    | (?=[\w.%=+/-]{0,400}[0-9])[\w.%=+/-]{20,}          # a hash, an id, a token
    | \+?[0-9][0-9 ().-]{5,}[0-9]                        # a phone number, an order number
    | [0-9]{5,}
    """,
    re.VERBOSE | re.IGNORECASE,
)
_QUOTED = re.compile(r'"([^"]*)"')
_FIELD = re.compile(r"[\w.$'\[\]]{1,64}")
_HIDDEN = "…"


def vendor_words(text: object) -> str:
    """Return what a vendor said, at most 200 characters; ``""`` if it is not text.

    URLs, e-mail addresses, IP addresses, user agents, hashes, long ids and numbers, and quoted values are hidden.
    """
    if not isinstance(text, str):
        return ""
    text = " ".join("".join(one if one.isprintable() else " " for one in text[:_READ]).split())
    if len(text) > _LONG:  # what the cut leaves of a last word could be a value that is no longer recognised
        text = text[:_LONG].rpartition(" ")[0]
    words = _VALUES.sub(_HIDDEN, _QUOTED.sub(_quoted, text))
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + _HIDDEN


def _quoted(match: re.Match[str]) -> str:
    """Keep the names of fields that a vendor quotes; anything else quoted may be a value."""
    return match[0] if _FIELD.fullmatch(match[1]) else f'"{_HIDDEN}"'


def is_page(response: Response) -> bool:
    """Tell whether the answer is an HTML page: then something between us and the vendor's API wrote it."""
    return response.json is None and (
        "text/html" in response.headers.get("content-type", "").lower()
        or response.body[:200].lstrip()[:1] == b"<"
    )
