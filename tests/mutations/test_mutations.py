"""Every rule of privacy has a test that goes red when the rule is broken: tried out, by breaking each.

The source tree is copied for each mutation, one piece of text is replaced, and only the tests that are named for it are
run on the copy. Nothing is ever changed in place.
"""

import compileall
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mutations.mutation import Mutation
from tests.mutations.of_attribution import OF_ATTRIBUTION
from tests.mutations.of_banner_cookies import OF_BANNER_COOKIES
from tests.mutations.of_clocks import OF_CLOCKS
from tests.mutations.of_consent import OF_CONSENT
from tests.mutations.of_content import OF_CONTENT
from tests.mutations.of_hits import OF_HITS
from tests.mutations.of_sources import OF_SOURCES

MUTATIONS = (*OF_ATTRIBUTION, *OF_CLOCKS, *OF_CONSENT, *OF_CONTENT, *OF_HITS, *OF_BANNER_COOKIES, *OF_SOURCES)
ROOT = Path(__file__).resolve().parents[2]
RUNNER = Path(__file__).with_name("runner.py")
COPIED = ("proxy", "forwarders", "tests", "config", "docs", "pyproject.toml")
NOTHING_CHANGED = "nothing is changed"
# Nothing of these kills a mutation, and links to all of it would cost more than the tests that do.
LEFT_OUT = shutil.ignore_patterns("node_modules", "browser", "chaos", "deploy", "openapi", "oracles", "sre")
FAILED = {0: "all of them pass", 1: "a test failed", 4: "a test is not there any more", 5: "no test was run"}


def ident(mutation: Mutation) -> str:
    """Return what pytest calls a mutation."""
    return mutation.name.replace(" ", "-").replace("/", "")


def place_of(mutation: Mutation) -> str | None:
    """Return what is wrong with the place of a mutation, or None."""
    path = ROOT / mutation.file
    if not path.is_file():
        return f"{mutation.file} is gone"
    found = path.read_text(encoding="utf-8").count(mutation.old)
    return None if found == 1 else f"{mutation.file} holds the text {found} times, not once"


def copy(base: Path, folder: Path, mutation: Mutation | None) -> None:
    """Make a copy of the tree that shares its files but for the one that is changed."""
    for name in COPIED:
        if (base / name).is_dir():
            shutil.copytree(base / name, folder / name, copy_function=os.link)
        else:
            os.link(base / name, folder / name)
    if mutation is None:
        return
    changed = folder / mutation.file
    text = changed.read_text(encoding="utf-8").replace(mutation.old, mutation.new)
    changed.unlink()  # its other names keep their content
    changed.write_text(text, encoding="utf-8")
    for compiled in (changed.parent / "__pycache__").glob(f"{changed.stem}.*.pyc"):
        compiled.unlink()


@pytest.fixture(scope="module")
def results(request: pytest.FixtureRequest) -> Iterator[dict[str, tuple[int, str]]]:
    """Run the mutations whose tests are to be run here; return status and output by name."""
    names = {item.name for item in request.session.items if item.path == Path(__file__)}
    chosen = [
        one for one in MUTATIONS if f"test_a_test_goes_red[{ident(one)}]" in names and place_of(one) is None
    ]
    with tempfile.TemporaryDirectory(prefix="sayso-mutations-") as name:
        folder = Path(name)
        base = folder / "base"
        base.mkdir()
        for part in COPIED:
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, base / part, ignore=LEFT_OUT)
            else:
                shutil.copy2(source, base / part)
        # Else each copy would compile all of it anew.
        compileall.compile_dir(base, quiet=2)
        jobs: list[dict[str, object]] = []
        for number, one in enumerate([None, *chosen]):
            place = folder / str(number)
            place.mkdir()
            copy(base, place, one)
            tests = (
                one.killers if one else tuple(dict.fromkeys(test for each in chosen for test in each.killers))
            )
            output = str(folder / f"{number}.txt")
            title = one.name if one else NOTHING_CHANGED
            jobs.append({"name": title, "folder": str(place), "tests": tests, "output": output})
        yield run(jobs)


def run(jobs: list[dict[str, object]]) -> dict[str, tuple[int, str]]:
    """Have the runner do the jobs."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
    done = subprocess.run(  # noqa: S603  # our own program
        [sys.executable, RUNNER],
        input=json.dumps(jobs),
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    found = {}
    outputs = {str(job["name"]): Path(str(job["output"])) for job in jobs}
    for line in done.stdout.splitlines():
        result = json.loads(line)
        output = outputs[result["name"]].read_text(encoding="utf-8", errors="replace")
        found[result["name"]] = (result["status"], output)
    return found


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutation", MUTATIONS, ids=ident)
def test_a_test_goes_red(results: dict[str, tuple[int, str]], mutation: Mutation) -> None:
    """Where the rule is broken, one of the tests that are named for it fails."""
    trouble = place_of(mutation)
    assert trouble is None, f"{trouble}: say anew how this rule could be broken"
    status, output = results[mutation.name]
    assert status == 1, f"{FAILED.get(status, f'pytest ended with {status}')}:\n{output[-4000:]}"


@pytest.mark.timeout(600)
def test_the_same_tests_pass_where_nothing_is_changed(results: dict[str, tuple[int, str]]) -> None:
    """Else they would be red for another reason."""
    status, output = results[NOTHING_CHANGED]
    assert status == 0, output[-4000:]


def test_there_are_no_two_of_a_name() -> None:
    """Results are told apart by it."""
    assert len({one.name for one in MUTATIONS}) == len(MUTATIONS) >= 15
