"""Do Not Track, the older sibling of Global Privacy Control. Pure."""

from collections.abc import Iterable


def asks_not_to_track(headers: Iterable[str]) -> bool:
    """Tell whether a request's ``DNT`` headers object to tracking: one of them is exactly ``1``.

    ``0`` states that the visitor does not mind, which grants nothing; any other value says nothing.
    """
    return any(value.strip(" \t") == "1" for value in headers)
