"""The chain of rows: whatever is done to its files is found, and a crash is told from an edit."""

import random
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.audit.chain import Flaw, Link, key_of, read
from proxy.audit.segments import Writer, chain_name, segments
from proxy.audit.verify import verify

KEY = key_of(b"a secret of the installation")
DAYS = ("2026-11-20", "2026-11-21", "2026-11-22")


def written(folder: Path, days: tuple[str, ...] = DAYS, rows: int = 4) -> Link:
    """Write some rows a day; return where the chain got to."""
    for day in days:
        writer = Writer(folder, KEY)  # as after a restart
        writer.append(day, [{"kind": "decided", "n": number, "day": day} for number in range(rows)])
    return Writer(folder, KEY).link


def lines_of(folder: Path) -> list[bytes]:
    """Return all lines of a chain."""
    return [line for path in segments(folder) for line in path.read_bytes().splitlines(keepends=True)]


def test_an_untouched_chain_is_whole_across_days_and_restarts(tmp_path: Path) -> None:
    """Numbers go on, and so do the hashes."""
    end = written(tmp_path)
    report = verify(tmp_path, KEY, head=end)
    assert report.whole
    assert (report.rows, report.files, report.first, report.end) == (12, 3, 1, end)
    assert [row.link.number for line in lines_of(tmp_path) if (row := read(line))] == list(range(1, 13))


def test_a_chain_under_another_key_is_not_whole(tmp_path: Path) -> None:
    """Nobody without the key can make one."""
    written(tmp_path)
    report = verify(tmp_path, key_of(b"another"))
    assert {finding.flaw for finding in report.findings} == {Flaw.EDITED}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32), st.sampled_from(["byte", "drop", "swap", "double", "graft"]))
def test_any_edit_gap_or_reordering_is_found(tmp_path: Path, seed: int, how: str) -> None:
    """One changed byte, a row taken out, two exchanged, one repeated, one of another chain put in."""
    chance = random.Random(seed)  # noqa: S311  # a test
    folder = tmp_path / "chain"
    shutil.rmtree(folder, ignore_errors=True)
    end = written(folder)
    path = chance.choice(segments(folder))
    lines = path.read_bytes().splitlines(keepends=True)
    at = chance.randrange(len(lines))
    before = list(lines)
    match how:
        case "byte":
            text = bytearray(lines[at])
            place = chance.randrange(len(text))
            text[place] ^= 1 << chance.randrange(8)
            lines[at] = bytes(text)
        case "drop":
            del lines[at]
        case "swap":
            other = (at + 1) % len(lines)
            lines[at], lines[other] = lines[other], lines[at]
        case "double":
            lines.insert(at, lines[at])
        case _:
            strange = tmp_path / "strange"
            shutil.rmtree(strange, ignore_errors=True)
            Writer(strange, key_of(b"another")).append(DAYS[0], [{"kind": "decided"}] * 20)
            lines[at] = lines_of(strange)[at]
    assert lines != before
    path.write_bytes(b"".join(lines))
    report = verify(folder, KEY, head=end)
    assert not report.whole


def test_rows_cut_off_at_the_end_are_found_where_the_head_is_noted(tmp_path: Path) -> None:
    """The files alone cannot tell; that is why the head is kept elsewhere."""
    end = written(tmp_path)
    last = segments(tmp_path)[-1]
    last.write_bytes(b"".join(last.read_bytes().splitlines(keepends=True)[:-2]))
    assert verify(tmp_path, KEY).whole
    report = verify(tmp_path, KEY, head=end)
    assert [finding.flaw for finding in report.findings] == [Flaw.GAP]


def test_a_whole_file_that_is_gone_is_found(tmp_path: Path) -> None:
    """From the middle, the end or the beginning."""
    for number in range(3):
        folder = tmp_path / str(number)
        end = written(folder)
        segments(folder)[number].unlink()
        assert not verify(folder, KEY, head=end).whole, number


@pytest.mark.parametrize("cut", [1, 20, 70])
def test_half_a_row_left_by_a_crash_is_no_flaw_and_is_cut_off_by_the_next_writer(
    tmp_path: Path, cut: int
) -> None:
    """The chain goes on with the last whole row."""
    written(tmp_path)
    last = segments(tmp_path)[-1]
    last.write_bytes(last.read_bytes()[:-cut])
    report = verify(tmp_path, KEY)
    assert report.whole
    assert report.torn
    writer = Writer(tmp_path, KEY)
    assert writer.link.number == 11
    writer.append(DAYS[-1], [{"kind": "decided", "again": True}])
    report = verify(tmp_path, KEY, head=writer.link)
    assert (report.whole, report.torn, report.rows) == (True, False, 12)


def test_a_crash_with_the_first_row_of_a_day_leaves_the_chain_whole(tmp_path: Path) -> None:
    """The new file holds nothing but half a row."""
    written(tmp_path, DAYS[:2])
    (tmp_path / "2026-11-22.jsonl").write_bytes(b'{"seq":9,"kind":"dec')
    writer = Writer(tmp_path, KEY)
    assert writer.link.number == 8
    writer.append(DAYS[2], [{"kind": "decided"}])
    assert verify(tmp_path, KEY, head=writer.link).whole


def test_what_is_too_old_is_removed_and_the_chain_says_so(tmp_path: Path) -> None:
    """Whoever removes more than that is found out."""
    written(tmp_path)
    writer = Writer(tmp_path, KEY)
    assert writer.expire("2026-11-22") == ["2026-11-20.jsonl", "2026-11-21.jsonl"]
    assert writer.expire("2026-11-22") == []
    report = verify(tmp_path, KEY, head=writer.link)
    assert report.whole
    assert report.first == 9
    written(tmp_path, ("2026-11-23",))
    segments(tmp_path)[0].unlink()
    assert not verify(tmp_path, KEY).whole


def test_the_last_file_is_never_removed(tmp_path: Path) -> None:
    """It holds the end of the chain."""
    written(tmp_path)
    assert Writer(tmp_path, KEY).expire("2030-01-01") == ["2026-11-20.jsonl", "2026-11-21.jsonl"]


def test_files_removed_before_the_row_about_it_are_removed_again_after_a_crash(tmp_path: Path) -> None:
    """The row is written first; a crash in between leaves the files, and the chain whole."""
    written(tmp_path)
    kept = tmp_path.parent / "kept"
    shutil.copytree(tmp_path, kept)
    Writer(tmp_path, KEY).expire("2026-11-21")
    shutil.copy(kept / "2026-11-20.jsonl", tmp_path)
    assert verify(tmp_path, KEY).whole
    assert Writer(tmp_path, KEY).expire("2026-11-21") == ["2026-11-20.jsonl"]
    assert verify(tmp_path, KEY).whole


def test_a_clock_that_is_put_back_does_not_disorder_the_files(tmp_path: Path) -> None:
    """Rows go into the last file until its day has come again."""
    written(tmp_path)
    writer = Writer(tmp_path, KEY)
    writer.append("2026-11-19", [{"kind": "decided"}])
    assert [path.name for path in segments(tmp_path)] == [f"{day}.jsonl" for day in DAYS]
    assert verify(tmp_path, KEY, head=writer.link).whole


def test_a_file_that_ends_with_something_else_is_not_written_to(tmp_path: Path) -> None:
    """It would look as if the chain had gone on from there."""
    written(tmp_path)
    with segments(tmp_path)[-1].open("ab") as file:
        file.write(b"something else\n")
    with pytest.raises(ValueError, match="no row"):
        Writer(tmp_path, KEY)


def test_a_chain_keeps_its_name(tmp_path: Path) -> None:
    """Made once; files are for their owner alone."""
    name = chain_name(tmp_path / "audit")
    assert chain_name(tmp_path / "audit") == name
    assert len(name) == 16
    written(tmp_path / "audit")
    assert all(path.stat().st_mode & 0o077 == 0 for path in segments(tmp_path / "audit"))
