"""An operator at the shared Valkey."""

from pathlib import Path

import pytest

from tests.support.operating import Operator


@pytest.fixture
def operator(tmp_path: Path, valkey_url: str) -> Operator:
    """Return an operator of an empty store."""
    return Operator(tmp_path, valkey_url)
