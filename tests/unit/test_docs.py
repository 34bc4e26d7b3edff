"""The documentation's tables are the code's own."""

import re
from pathlib import Path

import pytest

from tests.support import configs
from tools.docs_tables import TABLES
from tools.make_docs import ROOT, UnknownTableError, made_anew, pages, used

LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
CODE = re.compile(r"```.*?```", re.DOTALL)
CONFIGURATION = re.compile(r"```toml\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_is_what_the_code_says(page: Path) -> None:
    """If not: ``python -m tools.make_docs`` writes it anew."""
    text = page.read_text(encoding="utf-8")
    assert text == made_anew(text)


def test_every_table_stands_on_some_page() -> None:
    """A new forwarder, preset or closed set is not forgotten."""
    assert used() == set(TABLES)


def test_a_page_cannot_ask_for_what_nobody_makes() -> None:
    """A typing mistake in a mark would otherwise leave an old table for good."""
    with pytest.raises(UnknownTableError):
        made_anew("<!-- made: no such table -->\n<!-- end -->")
    with pytest.raises(UnknownTableError):
        made_anew("<!-- made: reasons -->\n")


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """Files exist, and so do the headings that a link names."""
    text = CODE.sub("", page.read_text(encoding="utf-8"))
    for target, anchor in LINK.findall(text):
        if "://" in target:
            continue
        path = (page.parent / target).resolve()
        assert path.exists(), target
        if anchor:
            headings = {_anchor(one) for one in HEADING.findall(path.read_text(encoding="utf-8"))}
            assert anchor[1:] in headings, f"{target}{anchor}"


@pytest.mark.parametrize("name", ["README.md", "docs/quickstart.md"])
def test_configurations_that_are_shown_can_be_used(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they stand there, with their secrets in the environment."""
    for variable, value in configs.ENVIRONMENT.items():
        monkeypatch.setenv(variable, value)
    shown = CONFIGURATION.findall((ROOT / name).read_text(encoding="utf-8"))
    assert shown
    for text in shown:
        assert configs.loaded(tmp_path, text).sites["shop"].forwarders
