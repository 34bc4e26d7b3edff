"""The folder into which processes count: who owns it, who removes it, and what becomes of the counts of those gone."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.mmap_dict import MmapedDict

from proxy.metrics_folder import PREFIX, fold, metrics_folder
from tests.support.processes import ROOT, Sayso, config
from tests.support.reloading import meta_shop, write_token
from tests.support.serving import SERVE, leftovers

HOLD = """
import sys
from proxy.metrics_folder import metrics_folder
with metrics_folder() as folder:
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Have temporary folders made in an empty one."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    yield tmp_path
    monkeypatch.setattr("tempfile.tempdir", None)


def holder(temporary: Path) -> tuple[subprocess.Popen[bytes], Path]:
    """Start a process that owns a folder; return both."""
    process = subprocess.Popen(  # noqa: S603  # our own interpreter
        [sys.executable, "-c", HOLD],
        env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().decode().strip())


class TestWhoOwnsIt:
    def test_it_goes_with_its_owner(self, temporary: Path) -> None:
        """Nothing is left."""
        with metrics_folder() as folder:
            assert folder.is_dir()
        assert leftovers(temporary) == []

    def test_that_of_a_killed_one_is_removed_by_the_next(self, temporary: Path) -> None:
        """That of one that lives is not, whatever their process ids are."""
        killed, left = holder(temporary)
        living, kept = holder(temporary)
        try:
            assert left.is_dir(), "an owner that lives keeps its own"
            killed.kill()
            killed.communicate()
            with metrics_folder() as folder:
                assert not left.exists()
                assert sorted(leftovers(temporary)) == sorted([kept, folder])
        finally:
            living.communicate()
        assert leftovers(temporary) == []

    def test_what_is_not_certainly_left_behind_is_left_alone(self, temporary: Path) -> None:
        """A folder that nobody has locked yet, a link, and a file of such a name."""
        target = temporary / "important"
        target.mkdir()
        (target / "owner").touch()
        (temporary / f"{PREFIX}new").mkdir()
        (temporary / f"{PREFIX}link").symlink_to(target)
        (temporary / f"{PREFIX}file").touch()
        with metrics_folder():
            pass
        assert (target / "owner").exists()
        assert len(leftovers(temporary)) == 3

    async def test_a_killed_sayso_leaves_nothing_that_the_next_start_does_not_remove(
        self, short_path: Path
    ) -> None:
        """As it happens."""
        write_token(short_path, "a-token-of-meta")
        config(short_path, "http://127.0.0.1:9", sites=[meta_shop()])
        async with Sayso(short_path, *SERVE) as sayso:
            await sayso.ready()
            await sayso.kill()
        assert len(leftovers(short_path)) == 1
        async with Sayso(short_path, *SERVE) as again:
            await again.ready()
            assert len(leftovers(short_path)) == 1
            assert await again.stop() == 0
        assert leftovers(short_path) == []


def counted(folder: Path, name: str) -> dict[str, float]:
    """Return what a file holds."""
    file = folder / f"{name}.db"
    if not file.exists():
        return {}
    return {key: value for key, value, *_ in MmapedDict.read_all_values_from_file(str(file))}  # type: ignore[no-untyped-call]  # the library is only partly typed


def count(folder: Path, name: str, values: dict[str, float]) -> None:
    """Write a file as a worker would."""
    file = MmapedDict(str(folder / f"{name}.db"))  # type: ignore[no-untyped-call]
    for key, value in values.items():
        file.write_value(key, value, 0.0)  # type: ignore[no-untyped-call]
    file.close()  # type: ignore[no-untyped-call]


KEYS = st.text(alphabet='abcæ{}" ', min_size=1, max_size=40)
COUNTS = st.dictionaries(KEYS, st.integers(0, 2**40).map(float), max_size=30)


class TestFolding:
    @given(st.lists(COUNTS, max_size=6))
    @settings(max_examples=60, deadline=None)
    def test_no_count_is_lost_or_doubled(self, workers: list[dict[str, float]]) -> None:
        """Whatever each counted, the one file holds the sums, and theirs are gone."""
        import tempfile  # noqa: PLC0415  # one folder for each example

        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for pid, values in enumerate(workers, 100):
                count(folder, f"counter_{pid}", values)
                fold(folder, pid)
                fold(folder, pid)  # again does nothing
            sums: dict[str, float] = {}
            for values in workers:
                for key, value in values.items():
                    sums[key] = sums.get(key, 0.0) + value
            assert counted(folder, "counter_gone") == sums
            assert len(list(folder.iterdir())) == bool(workers)

    def test_only_the_one_that_is_gone_is_folded(self, tmp_path: Path) -> None:
        """Others go on writing into theirs."""
        count(tmp_path, "counter_1", {"a": 1.0})
        count(tmp_path, "counter_11", {"a": 2.0})
        count(tmp_path, "histogram_1", {"b": 3.0})
        fold(tmp_path, 1)
        assert counted(tmp_path, "counter_gone") == {"a": 1.0}
        assert counted(tmp_path, "histogram_gone") == {"b": 3.0}
        assert counted(tmp_path, "counter_11") == {"a": 2.0}

    @pytest.mark.parametrize("content", [b"", b"\xff" * 100, (5000).to_bytes(4, "little") + b"\x01" * 96])
    def test_a_damaged_file_spoils_nothing(self, tmp_path: Path, content: bytes) -> None:
        """Its counts are lost, which is said; the others' are not, and scrapes go on."""
        count(tmp_path, "counter_gone", {"a": 1.0})
        (tmp_path / "counter_7.db").write_bytes(content)
        fold(tmp_path, 7)
        assert counted(tmp_path, "counter_gone") == {"a": 1.0}
        assert not (tmp_path / "counter_7.db").exists()
