"""The pixel's query, in GA4's short names, as an event of ours. Pure."""

from urllib.parse import parse_qsl

from proxy.parse import STRINGS

# Where each short name belongs. Identifiers of Google's own (cid, sid) are not taken from a stranger's query.
_PLACES = {
    "en": ("", "name"),
    "uid": ("", "user_id"),
    "dl": ("page", "url"),
    "dr": ("page", "referrer"),
    "dt": ("page", "title"),
    "ul": ("client", "language"),
    "sr": ("client", "screen"),
    "cu": ("params", "currency"),
    "ep.event_id": ("", "event_id"),
}
_MOST_PAIRS = 150


def event_of(query: str) -> dict[str, object]:
    """Turn ``en=purchase&epn.value=499&cu=NOK`` into an event; what has no place in one is left out.

    ``ep.`` are texts, ``epn.`` numbers, ``ep.event_id`` the event's id; ``gcs``, ``gcd`` and the IAB's strings are its
    consent.
    """
    parts: dict[str, dict[str, object]] = {"": {}, "page": {}, "client": {}, "params": {}, "consent": {}}
    try:
        pairs = parse_qsl(query, max_num_fields=_MOST_PAIRS)
    except ValueError:
        return {}
    for key, value in pairs:
        place = _PLACES.get(key)
        if place is not None:
            parts[place[0]][place[1]] = value
        elif key in STRINGS:
            parts["consent"][key] = value
        elif key.startswith("epn."):
            parts["params"][key[4:]] = _number(value)
        elif key.startswith("ep."):
            parts["params"][key[3:]] = value
    event = parts.pop("")
    event.update({name: part for name, part in parts.items() if part})
    return event


def _number(text: str) -> float | int | str:
    try:
        return int(text) if text.lstrip("-").isdigit() else float(text)
    except ValueError:
        return text
