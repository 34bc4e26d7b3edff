"""What Google's own tag (gtag.js) writes into its two cookies: the client id and the session. Pure."""

import re

# ``_ga`` = GA1.<domain labels>[-<path depth>].<random>.<first visit>; the two last parts are the client id.
_GA_COOKIE = re.compile(r"(?:GA1\.[0-9]+(?:-[0-9]+)?\.)?([1-9][0-9]{0,11}\.[1-9][0-9]{0,11})")
# ``_ga_<ID>``: GS1.<n>.<session>.<...> by position, GS2.<n>.s<session>$o<...> by letter, in any order.
_GS1 = re.compile(r"GS1\.[0-9-]+\.([1-9][0-9]{0,14})\.")
_GS2 = re.compile(r"GS2\.[0-9-]+\.(?:[^$]*\$)*?s([1-9][0-9]{0,14})(?=\$|$)")
_SESSION = re.compile(r"[1-9][0-9]{0,14}")


def client_id_in(written: str) -> str | None:
    """Return the client id (``<int>.<int>``) in what gtag wrote, be it bare or the whole cookie."""
    match = _GA_COOKIE.fullmatch(written)
    return match[1] if match else None


def session_in(written: str | None) -> str | None:
    """Return the session in what gtag wrote, be it the bare number or a cookie of either format."""
    if not written:
        return None
    if _SESSION.fullmatch(written):
        return written
    match = _GS1.match(written) or _GS2.match(written)
    return match[1] if match else None
