"""``user_data`` of a Measurement Protocol request: plain, or hashed by Google's own rules. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from forwarders._contact import prehashed, sha256_hex
from proxy.measurement.findings import Code, Findings
from proxy.reasons import Invalid

_PLAIN = ("email", "phone", "first_name", "last_name", "city", "postal_code", "country")
_IN_ADDRESS = ("first_name", "last_name", "city", "postal_code", "country")
# As gtag.js names it.
_ALSO = {"phone_number": "phone"}
_HASHED = ("sha256_email_address", "sha256_phone_number")
_KEYS = {*_PLAIN, *_ALSO, *_HASHED, "address"}
_MOST_HASHES = 3
_MOST_ADDRESSES = 2
_LONGEST = 256
_OF_NOTHING = sha256_hex("")


@dataclass(slots=True, repr=False)
class Person:
    """Contact data. ``google_email`` and ``google_phone`` are hashes by Google's rules, 64 hex digits, or empty."""

    plain: dict[str, str] = field(default_factory=dict)
    google_email: str = ""
    google_phone: str = ""


def read_person(raw: object, found: Findings) -> Person:
    """Read ``user_data``."""
    person = Person()
    if raw is None:
        return person
    if type(raw) is not dict:
        found.refuse("user_data", "an object")
        return person
    if not raw.keys() <= _KEYS:
        found.remark("user_data", f"a key that is not read; there are {', '.join(sorted(_KEYS))}")
    _take(person, raw, _PLAIN, "user_data", found)
    for name, ours in _ALSO.items():
        if name in raw and ours not in person.plain:
            _take(person, {ours: raw[name]}, (ours,), "user_data", found)
    person.google_email, person.google_phone = (_hash(raw.get(key), key, found) for key in _HASHED)
    address = raw.get("address")
    if address is not None:
        _read_address(address, person, found)
    return person


def _take(
    person: Person, raw: Mapping[str, object], names: tuple[str, ...], place: str, found: Findings
) -> None:
    for name in names:
        value = raw.get(name)
        if value is None or value == "" or name in person.plain:
            continue
        if type(value) is not str:
            found.refuse(f"{place}.{name}", "text")
        elif len(value) > _LONGEST:
            found.refuse(f"{place}.{name}", f"at most {_LONGEST} characters", Invalid.TOO_LARGE)
        else:
            person.plain[name] = value


def _hash(raw: object, key: str, found: Findings) -> str:
    """Return the first hash of a list (Google takes three, our forwarders send one), in lower case."""
    if raw is None:
        return ""
    place = f"user_data.{key}"
    values = raw if type(raw) is list else [raw]
    if len(values) > _MOST_HASHES:
        found.refuse(place, f"at most {_MOST_HASHES}", Invalid.TOO_MANY)
        return ""
    hashes = []
    for value in values:
        digest = prehashed(value) if type(value) is str else ""
        if digest == _OF_NOTHING:
            found.remark(place, "the hash of an empty text is everybody's, and not used")
        elif digest:
            hashes.append(digest)
        elif value is not None and value != "":
            plain = "email" if key == _HASHED[0] else "phone"
            found.refuse(
                place, f"SHA-256, 64 hexadecimal digits; what is not hashed goes into user_data.{plain}"
            )
    if len(hashes) > 1:
        found.remark(place, "only the first is used", Code.EXCEEDED_MAX_ENTITIES)
    return hashes[0] if hashes else ""


def _read_address(raw: object, person: Person, found: Findings) -> None:
    place = "user_data.address"
    addresses = raw if type(raw) is list else [raw]
    if len(addresses) > _MOST_ADDRESSES:
        found.refuse(place, f"at most {_MOST_ADDRESSES}", Invalid.TOO_MANY)
        return
    for number, address in enumerate(addresses):
        if type(address) is not dict:
            found.refuse(place, "an object, or a list of them")
        elif number == 0:
            _take(person, address, _IN_ADDRESS, place, found)
            if not address.keys() <= set(_IN_ADDRESS):
                words = f"a key that is not read; there are {', '.join(_IN_ADDRESS)}"
                found.remark(
                    place, f"{words}. Hashed names and streets go to nobody: no vendor here takes them"
                )
