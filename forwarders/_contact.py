"""Contact data as vendors want it normalised before they hash it: what several share. Pure, and nothing is ever guessed.

Each function takes what a site wrote and returns the normalised text, or ``""`` where there is nothing that a vendor
could match: a wrong hash finds nobody, but would still be personal data sent for nothing.
"""

import hashlib
import re
import unicodedata

_SHA256 = re.compile(r"[0-9a-fA-F]{64}\Z")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+\Z")
_PHONE = re.compile(r"(?:\+|00)[0-9\s().\-/\u2010-\u2015]+\Z")
_TRUNK = re.compile(r"\(\s*0\s*\)")
_NOT_DIGIT = re.compile(r"[^0-9]")
_ALPHA2 = re.compile(r"[a-z]{2}\Z")
_US_ZIP = re.compile(r"([0-9]{5})[- ]?[0-9]{4}\Z")
_GB_POSTCODE = re.compile(r"([a-z]{1,2}[0-9][a-z0-9]?[0-9])[a-z]{2}\Z")


def sha256_hex(text: str) -> str:
    """Return the SHA-256 of the text's UTF-8 bytes, 64 lower-case hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def prehashed(text: str) -> str:
    """Return, in lower case, what a site has already hashed (64 hex digits); ``""`` for anything else."""
    text = text.strip()
    return text.lower() if _SHA256.match(text) else ""


def email(text: str) -> str:
    """Return an e-mail address without outer spaces and in lower case; ``""`` if it is not one."""
    text = text.strip().lower()
    return text if _EMAIL.match(text) else ""


def e164(text: str) -> str:
    """Return a phone number as ``+`` and 7 to 15 digits (ITU-T E.164).

    Only a number that says its country, by ``+`` or ``00``, can be had so; a national one gives ``""``, as do
    extensions and letters. The national ``(0)`` of ``+41 (0)79`` goes, but for Italy, where it is part of the number.
    Full-width digits are digits, and a link's ``tel:`` goes.
    """
    text = text.strip() if text.isascii() else unicodedata.normalize("NFKC", text).strip()
    if text[:4].lower() == "tel:":
        text = text[4:].lstrip()
    if not _PHONE.match(text):
        return ""
    digits = _NOT_DIGIT.sub("", _TRUNK.sub("", text, count=1))
    digits = digits.removeprefix("00") if text.startswith("00") else digits
    if digits.startswith("39"):
        digits = _NOT_DIGIT.sub("", text).removeprefix("00")
    return f"+{digits}" if 7 <= len(digits) <= 15 and not digits.startswith("0") else ""


def letters_and_digits(text: str) -> str:
    """Return a name in lower case without spaces and punctuation; letters of every script, with their marks, stay."""
    return _keep(text, "LMN")


def letters(text: str) -> str:
    """Return a name in lower case with only its letters, of every script and with their marks."""
    return _keep(text, "LM")


def alpha2(text: str) -> str:
    """Return a country code (ISO 3166-1 alpha-2) in lower case; ``""`` for anything longer or shorter."""
    text = text.strip().lower()
    return text if _ALPHA2.match(text) else ""


def postal_code(text: str, country: str) -> str:
    """Return a postal code in lower case without spaces and dashes.

    US codes lose what follows the first five digits, British ones what follows the sector. ``country`` is what
    ``alpha2`` returned; without one, only the unmistakable form ``12345-6789`` counts as a US code.
    """
    text = text.strip().lower()
    zip_code = _US_ZIP.match(text) if country == "us" or (not country and "-" in text) else None
    if zip_code:
        return zip_code[1]
    text = letters_and_digits(text)
    postcode = _GB_POSTCODE.match(text) if country == "gb" else None
    return postcode[1] if postcode else text


def _keep(text: str, categories: str) -> str:
    """Keep characters whose Unicode category begins with one of these letters. Composed first: ``é`` is one."""
    if text.isascii() and text.isalpha():  # most names, spared the look at each letter
        return text.lower()
    composed = unicodedata.normalize("NFC", text).lower()
    return "".join(one for one in composed if unicodedata.category(one)[0] in categories)
