"""A short campaign of each topology: real processes are killed, frozen and cut off, and nothing is lost or doubled.

``make chaos`` is the long one. Seeds are fixed, so that a failure can be repeated: its output names the command.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
_WITHIN_S = 200


async def _campaign(topology: str, seed: int, folder: Path) -> dict[str, Any]:
    """Run a campaign as its users do; fail with all that it said if something was wrong."""
    words = ("--topology", topology, "--seed", str(seed), "--seconds", "12", "--events", "450")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "chaos", *words, "--json"),
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(_WITHIN_S):
            out, err = await process.communicate()
    except BaseException:
        os.killpg(process.pid, signal.SIGTERM)
        await process.wait()
        raise
    said = f"make chaos ARGS='{' '.join(words)}'\n{err.decode()}\n{out.decode()[-8000:]}"
    assert process.returncode == 0, said
    (result,) = json.loads(out)
    assert isinstance(result, dict)
    return result


def _is_whole(result: dict[str, Any]) -> None:
    """Check that the campaign was one: events went through, things broke, and the sums are there."""
    assert result["good"]
    assert result["breaches"] == []
    assert len(result["happened"]) >= 8
    assert set(result["forwarders"]) == {"google_analytics", "google_ads", "meta", "microsoft"}
    for tally in result["forwarders"].values():
        counts = tally["counts"]
        ended = counts["delivered"] + counts["rejected"] + counts["expired"] + sum(counts["dropped"].values())
        assert counts["received"] == ended + counts["pending"]
        assert counts["pending"] == 0
        assert tally["acknowledged"] > 50
        assert tally["full"] > 0


@pytest.mark.timeout(_WITHIN_S + 30)
async def test_serve_with_its_own_valkey_survives_everything(tmp_path: Path) -> None:
    """One ``sayso serve`` with two workers: parent, workers and Valkey are killed and frozen, the disk fills up."""
    _is_whole(await _campaign("one", 293, tmp_path))


@pytest.mark.timeout(_WITHIN_S + 30)
async def test_halves_on_one_store_survive_everything(tmp_path: Path) -> None:
    """Two gateways and three deliverers: each dies, the store dies, and connections are cut in the middle of a reply."""
    _is_whole(await _campaign("apart", 63, tmp_path))
