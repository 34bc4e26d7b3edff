"""The languages of the pages that Sayso shows, and which one a reader wants. Pure."""

from collections.abc import Iterator

LANGUAGES = {"en": "English", "nb": "Norsk"}
_ENGLISH, _NORWEGIAN = LANGUAGES
# Danes and Swedes read bokmål more easily than they would wish to be asked; only Norwegians are taken to want it.
_NORWEGIANS = frozenset({"nb", "nn", "no"})
_MOST_RANGES = 20


def choose_language(asked: str | None, accept: str) -> str:
    """Return the language for a page: the one asked for, else what the browser prefers, else English.

    Args:
        asked: the ``lang`` parameter.
        accept: the ``Accept-Language`` header.
    """
    if asked in LANGUAGES:
        return asked
    for tag in _preferred(accept):
        if tag in _NORWEGIANS:
            return _NORWEGIAN
        if tag == _ENGLISH:
            return _ENGLISH
    return _ENGLISH


def _preferred(accept: str) -> Iterator[str]:
    """Yield primary language tags, best first; what is weighted 0 or cannot be read is left out."""
    found: list[tuple[float, str]] = []
    for part in accept.split(",")[:_MOST_RANGES]:
        tag, _, weight = part.partition(";")
        try:
            quality = float(weight.partition("=")[2]) if weight.strip() else 1.0
        except ValueError:
            continue
        if quality > 0:
            found.append((-quality, tag.strip().partition("-")[0].lower()))
    return (tag for _, tag in sorted(found, key=lambda pair: pair[0]))
