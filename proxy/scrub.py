"""Redacts personal data in free text: titles, item names, parameters. Pure.

Found by form: e-mail addresses, phone numbers, national ids (NO, DK, SE, FI), payment cards, IBANs, IP addresses, JWTs,
hashes and long random tokens, each also percent-encoded. Names and street addresses have no form and are not found.
Redaction never drops anything: the text stays, with a fixed mark in place of what was found.
"""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator
from socket import AF_INET6, inet_pton
from typing import Final
from urllib.parse import unquote

from proxy.personal_numbers import redact_numbers

MARK: Final = "[redacted]"

_SHORTEST = 6  # a@b.no
_SHORTEST_ENCODED = 8
LONG: Final = 32
"""From this length on, characters without a break may be a token, a hash or a JWT."""
_MAX_DECODINGS = 4
_TOO_DEEP = "too@deep.invalid"

# The one cheap look that clean text costs. Whatever any pattern below could find, unencoded and among fewer than ``LONG``
# characters without a blank, contains one of: an at sign, two adjacent or seven spread colons, eight digits close
# together, a dotted quad, the start of a HETU. Led by one character class, which ``re`` skips to quickly.
# The repetition is written out because that is twice as fast.
TRIGGER: Final = re.compile(
    r"[@:0-9](?:(?<=[0-9])(?<![0-9][0-9])"
    rf"(?:{'[^0-9A-Za-z]{0,2}[0-9]' * 7}|[0-9]{{0,2}}(?:\.[0-9]{{1,3}}){{3}}|[0-9]{{5}}[A-Ya-y][0-9]{{3}})"
    r"|(?<=@)|(?<=:)(?::|(?:[0-9A-Fa-f]{1,4}:){6}))"
)
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")

# The look-behind lets a run of local-part characters be tried once, not from each of its characters.
_LOCAL = r"\w.!#$%&'*+^`{|}~-"
_EMAIL = re.compile(
    rf"(?<![{_LOCAL}])[{_LOCAL}]++\"?@(?:\[?[0-9]{{1,3}}(?:\.[0-9]{{1,3}}){{3}}\]?"
    rf"|(?:[\w-]+\.)+(?:xn--[\w-]+|[^\W\d_]{{2,}}))"
)
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|[01]?[0-9]?[0-9])"
_IPV4 = re.compile(rf"(?<![0-9]){_OCTET}(?:\.{_OCTET}){{2}}\.({_OCTET})(?![0-9])")
_IPV6_RUN = re.compile(r"[0-9A-Fa-f:]{4,}")
_JWT = re.compile(r"(?<![\w-])eyJ[\w-]{10,}+\.[\w-]{10,}+(?:\.[\w-]*)?")
_HEX = re.compile(rf"[0-9A-Fa-f]{{{LONG},}}")
_RUN = re.compile(rf"[0-9A-Za-z_\-+/=]{{{LONG},}}")
_CLASS_SWITCH = re.compile(r"[a-z](?=[A-Z0-9])|[A-Z](?=[a-z0-9])|[0-9](?=[A-Za-z])")
_CHUNK = re.compile(rf"[0-9A-Za-z]{{{LONG},}}")
_BASE64 = re.compile(r"[0-9A-Za-z_+/-]{8,}={0,2}")


_ROUNDS = 8


def scrub_text(text: str) -> str:
    """Replace the personal data in a text by ``MARK``. The text itself is returned if there is none."""
    if not suspicious(text):
        return text
    scrubbed = text
    if "%" in text:
        # What is written encoded has no blanks, so a word is decoded, judged and replaced as a whole.
        scrubbed = "".join(
            MARK if "%" in word and holds_personal_data(word) else word for word in re.split(r"(\s+)", text)
        )
    scrubbed = redact(scrubbed)
    # What stood right beside a finding may only now be seen to begin: a mark parts it from what was before it.
    for _ in range(_ROUNDS):
        again = redact(scrubbed)
        if again == scrubbed:
            return text if scrubbed == text else scrubbed
        scrubbed = again
    return MARK


# Random, or a time and random bits: digits in it that look like a card's or a phone's are there by chance.
_UUID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE
)


def scrub_id(text: str) -> str | None:
    """Return an identifier (order, article) as it is, or None if it is somebody's e-mail address, card or the like.

    None rather than a mark: vendors tell purchases apart by such ids, and a mark would make them all one. Long tokens,
    ten and twelve digits and dates with a number after them are what order numbers look like, so they pass.
    """
    if not suspicious(text) or text.isalpha() or _UUID.fullmatch(text):
        return text
    for level in decodings(text):
        found = _redact_addresses(level)
        if redact_numbers(_JWT.sub(MARK, found), MARK, certain=True) != level:
            return None
    return text


def suspicious(text: str) -> bool:
    """Tell, cheaply, whether a text could hold personal data. No means no."""
    length = len(text)
    if length < _SHORTEST:
        return False
    if TRIGGER.search(text) is not None or ("%" in text and _ESCAPE.search(text) is not None):
        return True
    position = 0
    while length - position >= LONG:
        # Hop from blank to blank, as far as a run of harmless length reaches.
        position = text.rfind(" ", position, position + LONG) + 1
        if not position:
            return True
    return False


def suspicious_word(word: str) -> bool:
    """Tell, cheaply, whether a text without blanks could hold personal data as it stands, not decoded."""
    if TRIGGER.search(word) is not None:
        return True
    # A slug of lower-case words is long, but no token: those have no hyphens, or both cases.
    return len(word) >= LONG and (not word.islower() or max(map(len, word.split("-"))) >= LONG)


def holds_personal_data(word: str) -> bool:
    """Tell whether a text without blanks (a path segment, a parameter) holds personal data, plain or encoded."""
    return any(map(shows_personal_data, decodings(word)))


def shows_personal_data(word: str) -> bool:
    """Tell whether a text without blanks holds personal data as it stands, not percent-decoded."""
    return (suspicious_word(word) and redact(word) != word) or is_encoded_email(word)


def decodings(text: str) -> Iterator[str]:
    """Yield a text and what percent-decoding it again and again gives, without unprintable characters.

    A text that still is encoded after four rounds ends in something that counts as personal: nobody encodes so deep
    who has nothing to hide.
    """
    yield text
    for _ in range(_MAX_DECODINGS):
        if "%" not in text:
            return
        decoded = unquote(text)
        if decoded == text:
            return
        text = decoded
        yield text if text.isprintable() else "".join(filter(str.isprintable, text))
    if unquote(text) != text:
        yield _TOO_DEEP


def redact(text: str) -> str:
    """Replace the personal data that a text shows as it stands, without decoding it."""
    text = _redact_addresses(text)
    if len(text) >= LONG:
        text = _RUN.sub(_redact_run, _HEX.sub(MARK, _JWT.sub(MARK, text)))
    return redact_numbers(text, MARK)


def _redact_addresses(text: str) -> str:
    if "@" in text:
        text = _EMAIL.sub(MARK, text)
    if "." in text:
        text = _IPV4.sub(_redact_ipv4, text)
    if text.count(":") > 1:
        text = _IPV6_RUN.sub(_redact_ipv6, text)
    return text


def _redact_ipv4(found: re.Match[str]) -> str:
    # An address that ends in .0 is truncated already, or a browser's version.
    return MARK if int(found[1]) else found[0]


def _redact_ipv6(found: re.Match[str]) -> str:
    run = found[0]
    colons = run.count(":")
    if colons < 2 or len(run) > 48:
        return run
    # Letters a-f of the words around it may stick to it, and so may a colon before or after it.
    head, tail = 0, len(run)
    if run[0] == ":" != run[1]:
        head = 1
    if run[-1] == ":" != run[-2]:
        tail -= 1
    head = max(head, run.index(":", head) - 4)
    tail = min(tail, run.rindex(":", 0, tail) + 5)
    core = run[head:tail]
    # Short forms such as 10::30 or d::b are times and names of things, not visitors' addresses.
    if core.count(":") < 3 and (core[0] not in "23fF" or core.find(":") != 4):
        return run
    try:
        packed = inet_pton(AF_INET6, core)
    except OSError:
        return run
    return run[:head] + MARK + run[tail:] if any(packed[6:]) else run


def _redact_run(found: re.Match[str]) -> str:
    return MARK if _is_random(found[0]) else found[0]


def _is_random(run: str) -> bool:
    """Tell a token from a long slug: in random characters the kind changes at two of three places, in words rarely."""
    switches = len(_CLASS_SWITCH.findall(run))
    if run.islower() or run.isupper():
        return any(
            sum(map(str.isdigit, chunk)) >= 4 and switches >= len(chunk) / 5 for chunk in _CHUNK.findall(run)
        )
    return switches >= len(run) * 0.36 and any(map(str.isdigit, run))


def is_encoded_email(text: str) -> bool:
    """Tell whether a text is an e-mail address in base64, as newsletter links carry them."""
    if len(text) < _SHORTEST_ENCODED or text.islower() or _BASE64.fullmatch(text) is None:
        return False
    bare = text.rstrip("=")
    try:
        decoded = b64decode(
            bare + "=" * (-len(bare) % 4), altchars=b"-_" if "-" in bare or "_" in bare else None
        )
    except Base64Error:
        return False
    return b"@" in decoded and decoded.isascii() and _EMAIL.search(decoded.decode("ascii")) is not None
