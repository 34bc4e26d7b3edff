"""Bugs of ours: a lane that falls over is run again, and what it says of it quotes nobody."""

import logging

import pytest

from proxy.delivery import delivery as module
from proxy.delivery.delivery import Delivery
from proxy.store.client import Store
from proxy.store.consents import Consents
from tests.support.waiting import passed, wait_until


async def test_what_falls_over_is_run_again_until_stopped(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log names the error's type and place, and not its text, which may quote what a visitor sent."""
    monkeypatch.setattr(module, "_RESTART_S", 0.01)
    caplog.set_level(logging.DEBUG)
    store = Store("unix:///nowhere", patience_s=0.1)
    delivery = Delivery([], store, Consents(store), partitions=1, worker_name="w")
    runs = []

    async def falls_over() -> None:
        runs.append(1)
        raise LookupError("kari@example.no")

    delivery._begin(falls_over, "shop/vendor")
    await wait_until(lambda: len(runs) >= 3)
    await delivery.stop()
    ended = len(runs)
    await passed(0.05)
    assert len(runs) == ended
    assert "shop/vendor ended (LookupError at " in caplog.text
    assert "kari@example.no" not in caplog.text
    await store.close()
