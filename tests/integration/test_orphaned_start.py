"""A parent that is killed while its workers start: the next start takes nothing away from them."""

import os
import signal
import tempfile
from pathlib import Path

import pytest

from proxy.metrics_folder import metrics_folder
from tests.support.processes import Sayso, config
from tests.support.serving import ADS, SERVE, leftovers
from tests.support.waiting import wait_until

_NOBODY = "http://127.0.0.1:9"


async def test_the_folder_of_counts_stays_until_the_last_worker_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that finds it gone while it starts would end with a traceback."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    config(tmp_path, _NOBODY)
    async with Sayso(tmp_path, *SERVE, **ADS) as sayso:
        await sayso.ready()
        (worker,) = sayso.workers()
        os.kill(worker, signal.SIGSTOP)  # as slow as one that has just begun to start
        await sayso.kill()
        (folder,) = leftovers(tmp_path)
        with metrics_folder():  # as the next start does
            assert folder.is_dir()
        os.kill(worker, signal.SIGCONT)

        def gone() -> bool:
            with metrics_folder():
                return not folder.is_dir()

        await wait_until(gone, within_s=20, what="the end of the last worker, and of its folder")
