"""What one source says of a visitor's consent, whatever its own format was. Pure."""

from dataclasses import dataclass

from proxy.signals import ALL_UNKNOWN, Signals


@dataclass(frozen=True, slots=True)
class Said:
    """One source's word.

    ``signals`` is what it says, in our four signals; what it does not speak of is unknown. ``decided_at`` is when the
    visitor decided, Unix ms, as far as the source knows; without it the source may only fill in what is unknown, or
    lower. ``readable`` is False for a source that is there and cannot be understood: nothing counts as granted then,
    and ``signals`` is all unknown. ``chosen`` is False where all of it is the site's default, as no banner was answered.
    """

    signals: Signals
    decided_at: int | None = None
    readable: bool = True
    chosen: bool = True


SILENT = Said(ALL_UNKNOWN)
"""Absent, or a banner that was not answered yet: it has no say."""
GARBLED = Said(ALL_UNKNOWN, readable=False)
"""There, but not understood."""
