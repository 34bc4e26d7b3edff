"""Operators' commands use a store that runs. They never start one, and never end one."""

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from proxy.cli import main
from proxy.store.embedded import EmbeddedStore
from tests.support.embedded import LONG, alive, inside, make, servers
from tests.support.operating import Operator

COMMANDS = [
    ("status",),
    ("pause", "shop", "vendor"),
    ("resume", "shop", "vendor"),
    ("replay", "--since", "1h"),
    ("dead-letters", "list"),
    ("dead-letters", "retry", "--all"),
    ("consent", "get", "V" * 22),
]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder with a path short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="sayso-test-") as base:
        yield Path(base).resolve()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
async def test_where_nothing_runs_that_is_said_and_nothing_is_made(
    folder: Path, command: tuple[str, ...]
) -> None:
    """One line, status 1; no folder, no server."""
    line = await Operator(folder).refused(*command, status=1)
    assert line == f"sayso: nothing runs on {folder / 'data'}: start sayso serve first, then ask again"
    assert [path.name for path in inside(folder)] == ["sayso.toml"]


@pytest.mark.parametrize("deep", ["", LONG], ids=["short path", "long path"])
async def test_the_embedded_server_of_another_process_is_used(folder: Path, deep: str) -> None:
    """Wherever its socket had to go; it runs on afterwards, and once it has ended nothing runs."""
    place = folder / deep
    make(place / "data")
    operator = Operator(place)
    log = logging.getLogger("test.operate")
    store = await EmbeddedStore.start(place / "data", durability="everysec", log=log)
    try:
        for command in COMMANDS:
            await operator.says(*command)
        assert alive(store.pid)
        assert servers(place / "data") == [store.pid]
    finally:
        await store.stop()
    assert "nothing runs on" in await operator.refused("status", status=1)
    assert servers(place / "data") == []


async def test_a_store_that_is_away_is_one_line(tmp_path: Path) -> None:
    """Neither a traceback nor a long wait."""
    operator = Operator(tmp_path, f"unix://{tmp_path}/nobody.sock")
    for command in COMMANDS:
        assert "the store cannot be used" in await operator.refused(*command, status=1)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_without_a_configuration_there_is_nothing_to_operate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """Status 2 and one line, as for every command; a file that is not there is named."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SAYSO_CONFIG", raising=False)
    result = CliRunner().invoke(main, command)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("sayso: no configuration")
    result = CliRunner().invoke(main, [*command, "--config", "absent.toml"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "absent.toml" in result.stderr
