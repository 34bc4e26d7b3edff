"""Country and region of a truncated address, from a MaxMind-format file on this machine. Never asks anybody."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import maxminddb

_COUNTRY = re.compile(r"[A-Z]{2}")
_SUBDIVISION = re.compile(r"[A-Z0-9]{1,3}")
# Files of the same format that know nothing of places.
_OTHER_TYPES = re.compile(r"ASN|ISP|Domain|Connection-Type|Anonymous", re.IGNORECASE)
_CACHED = 8192


class GeoError(Exception):
    """The location file cannot be used; the text says which one and why, for the operator."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an address is.

    Attributes:
        country: ISO 3166-1 alpha-2, upper case.
        region: ISO 3166-2, e.g. ``NO-03``; DB-IP's free files know regions by name only, so there it is None.
    """

    country: str | None
    region: str | None


NOWHERE: Final = Place(None, None)


class Geo:
    """Looks up truncated addresses in a GeoLite2 or DB-IP City or Country file; without a file it knows nothing.

    The file is mapped into memory, so all workers share it. A replaced file is seen at the next start.

    Args:
        path: the ``.mmdb`` file, or None.

    Raises:
        GeoError: the file is missing, unreadable, damaged, or not about places.
    """

    __slots__ = ("_reader", "failures", "locate")

    def __init__(self, path: str | None) -> None:
        self._reader = None if path is None else _open(path)
        self.failures = 0
        """How many look-ups found the file damaged; each of them answered "nowhere"."""
        # Truncated addresses only reach this cache: 256 visitors or more share each of its keys.
        self.locate: Callable[[str], Place] = lru_cache(maxsize=_CACHED)(self._look_up)
        """Return the ``Place`` of an address that ``proxy.address.mask`` returned."""

    def close(self) -> None:
        """Unmap the file. Look-ups afterwards know nothing."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _look_up(self, truncated: str) -> Place:
        if self._reader is None:
            return NOWHERE
        try:
            return _place(self._reader.get(truncated))
        except maxminddb.InvalidDatabaseError:
            self.failures += 1
            return NOWHERE
        except ValueError:
            return NOWHERE  # not an address, or an IPv6 address asked of an IPv4 file


def _open(path: str) -> maxminddb.Reader:
    if not Path(path).is_file():
        raise GeoError(f"location file {path}: no such file")
    try:
        reader = maxminddb.open_database(path)
        kind = reader.metadata().database_type
        for probe in ("192.0.2.0", "255.255.255.0"):
            reader.get(probe)
    except (maxminddb.InvalidDatabaseError, ValueError) as error:
        raise GeoError(f"location file {path}: not a readable MaxMind database ({error})") from None
    except OSError as error:
        raise GeoError(f"location file {path}: {error.strerror}") from None
    if _OTHER_TYPES.search(kind):
        reader.close()
        raise GeoError(f"location file {path}: is a {kind} database; a City or Country database is needed")
    return reader


def _place(record: object) -> Place:
    country = _code(_member(record, "country"), _COUNTRY)
    if country is None:
        return NOWHERE
    divisions = _member(record, "subdivisions")
    region = _code(divisions[0], _SUBDIVISION) if isinstance(divisions, list) and divisions else None
    return Place(country, f"{country}-{region}" if region else None)


def _member(record: object, key: str) -> object:
    return record.get(key) if isinstance(record, dict) else None


def _code(part: object, form: re.Pattern[str]) -> str | None:
    """Return the part's ISO code in upper case if it has that form."""
    code = _member(part, "iso_code")
    if not isinstance(code, str):
        return None
    return code if form.fullmatch(code := code.upper()) else None
