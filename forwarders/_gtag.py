"""What Google's own tag (gtag.js) writes: its two cookies with client id and session, and the hashes of contact data. Pure."""

import re
from base64 import urlsafe_b64decode
from hashlib import sha256

# ``_ga`` = GA1.<domain labels>[-<path depth>].<random>.<first visit>; the two last parts are the client id.
_GA_COOKIE = re.compile(r"(?:GA1\.[0-9]+(?:-[0-9]+)?\.)?([1-9][0-9]{0,11}\.[1-9][0-9]{0,11})")
# ``_ga_<ID>``: GS1.<n>.<session>.<...> by position, GS2.<n>.s<session>$o<...> by letter, in any order.
_GS1 = re.compile(r"GS1\.[0-9-]+\.([1-9][0-9]{0,14})\.")
_GS2 = re.compile(r"GS2\.[0-9-]+\.(?:[^$]*\$)*?s([1-9][0-9]{0,14})(?=\$|$)")
_SESSION = re.compile(r"[1-9][0-9]{0,14}")
# A part of ``em``: SHA-256 of an e-mail address or a phone number, in base64url without padding or in hexadecimal.
_HASH = re.compile(r"(em|pn)[0-9]{0,2}\.([0-9A-Za-z_-]{43}|[0-9A-Fa-f]{64})")
_OF_NOTHING = sha256(b"").hexdigest()


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


def hashes_in(em: str) -> list[str]:
    """Return the parts of gtag's ``em`` that are a hashed e-mail address or phone number, as they were written."""
    return [part for part in em.split("~", 20)[:20] if _HASH.fullmatch(part)]


def contact_in(em: str) -> tuple[str, str]:
    """Return the first e-mail address and phone number in gtag's ``em``, hashed by Google's rules: 64 hex digits or empty."""
    found = {"em": "", "pn": ""}
    for part in hashes_in(em):
        kind, digest = part[:2], part.partition(".")[2]
        if len(digest) == 43:
            digest = urlsafe_b64decode(digest + "=").hex()
        if digest.lower() != _OF_NOTHING:  # which is everybody's
            found[kind] = found[kind] or digest.lower()
    return found["em"], found["pn"]
