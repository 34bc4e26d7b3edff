"""What tests of every kind may ask for."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# What takes longest is begun first, so that at the end nobody waits for one who has just begun with it.
LONG = ("tests/mutations/", "tests/deploy/test_image.py", "tests/chaos/", "tests/audit/test_killed.py")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes long before everything else; the order is otherwise as it was."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


@pytest.fixture
def short_path() -> Iterator[Path]:
    """Return an empty folder whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="sayso-") as folder:
        yield Path(folder).resolve()
