"""An operator at the shared Valkey, whose shop has a vendor that may have cookieless events."""

from pathlib import Path

import pytest

from proxy.operate import erase
from tests.support.operating import Operator


@pytest.fixture
def operator(tmp_path: Path, valkey_url: str, monkeypatch: pytest.MonkeyPatch) -> Operator:
    """Return an operator of an empty store; an erasure does not wait long for events that are on their way."""
    monkeypatch.setattr(erase, "AGAIN_S", 0.05)
    operator = Operator(tmp_path, valkey_url)
    with operator.config.open("a", encoding="utf-8") as file:
        file.write(
            "\n[sites.shop.forwarders.pings]\n"
            'type = "google_analytics"\nmeasurement_id = "G-SHOP"\napi_secret = "secret-of-google-analytics"\n'
        )
    return operator
