"""Where the visitor is and with what, as a backend states it. Pure."""

import re
from dataclasses import dataclass

from proxy.address import mask
from proxy.measurement.findings import Findings

_COUNTRY = re.compile(r"[A-Za-z]{2}\Z")
_REGION = re.compile(r"[A-Za-z]{2}-[A-Za-z0-9]{1,3}\Z")
_SCREEN = re.compile(r"[0-9]{2,5}x[0-9]{2,5}\Z")
_MOST_USER_AGENT = 1024
_MOST_LANGUAGE = 64


@dataclass(slots=True, repr=False)
class Surroundings:
    """``address`` is truncated. ``region`` is as in ISO 3166-2, ``NO-03``."""

    user_agent: str = ""
    address: str | None = None
    country: str | None = None
    region: str | None = None


def read_place(body: dict[str, object], around: Surroundings, found: Findings) -> None:
    """Read ``ip_override``, of which nothing but the truncated address is kept, and ``user_location``."""
    written = body.get("ip_override")
    if written is not None and written != "":
        around.address = mask(written) if type(written) is str else None
        if around.address is None:
            found.refuse("ip_override", "one IPv4 or IPv6 address")
    place = body.get("user_location")
    if place is None:
        return
    if type(place) is not dict:
        found.refuse("user_location", "an object")
        return
    country = _code(place, "country_id", _COUNTRY, "two letters, ISO 3166-1", found)
    region = _code(place, "region_id", _REGION, "as in ISO 3166-2: NO-03", found)
    if country is not None and region is not None and region[:2] != country:
        found.refuse("user_location.region_id", "lies in another country than country_id")
    around.country = country or (region[:2] if region is not None else None)
    around.region = region
    if not place.keys() <= {"country_id", "region_id"}:
        found.remark("user_location", "only country_id and region_id are read: a city is finer than we keep")


def _code(
    place: dict[str, object], key: str, form: re.Pattern[str], allowed: str, found: Findings
) -> str | None:
    value = place.get(key)
    if value is None or value == "":
        return None
    if type(value) is not str or not form.match(value):
        found.refuse(f"user_location.{key}", allowed)
        return None
    return value.upper()


def read_device(body: dict[str, object], around: Surroundings, found: Findings) -> dict[str, object]:
    """Read ``user_agent`` and ``device``; return what an event of ours calls ``client``."""
    agent = body.get("user_agent")
    if type(agent) is str:
        around.user_agent = agent[:_MOST_USER_AGENT]
    elif agent is not None:
        found.refuse("user_agent", "text")
    device = body.get("device")
    if device is None:
        return {}
    if type(device) is not dict:
        found.refuse("device", "an object")
        return {}
    client: dict[str, object] = {}
    language, screen = device.get("language"), device.get("screen_resolution")
    if type(language) is str and len(language) <= _MOST_LANGUAGE:
        client["language"] = language
    elif language is not None:
        found.refuse("device.language", "a text like nb-NO")
    if type(screen) is str and (not screen or _SCREEN.match(screen)):
        client["screen"] = screen
    elif screen is not None:
        found.refuse("device.screen_resolution", "a text like 1280x2856")
    if not device.keys() <= {"language", "screen_resolution"}:
        words = "only language and screen_resolution are read; browser and system are those of user_agent"
        found.remark("device", words)
    return client
