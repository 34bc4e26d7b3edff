"""The clock of another process, put forward and back by a test. Needs libfaketime (Debian: ``faketime``)."""

import os
from pathlib import Path
from typing import Final

import pytest

_PLACES: Final = (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
    "/usr/local/lib/faketime/libfaketimeMT.so.1",
)
LIBRARY: Final = next((place for place in _PLACES if Path(place).is_file()), None)

needs_faketime = pytest.mark.skipif(
    LIBRARY is None, reason="libfaketime is not installed (apt-get install faketime)"
)


class Dial:
    """Where a process with ``environment`` looks how wrong its time of day is. Its other clocks go on undisturbed."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "dial"
        self.turn(0)

    def turn(self, seconds: float) -> None:
        """Put the clock so many seconds ahead of the machine's; negative: behind it."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{seconds:+f}", encoding="ascii")
        fresh.replace(self._file)

    @property
    def changes(self) -> dict[str, str]:
        """What is to be added to the environment of the process."""
        assert LIBRARY is not None
        return {
            "LD_PRELOAD": LIBRARY,
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        }

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of the process."""
        return {**os.environ, **self.changes}
