"""What the documentation quotes is there: commands with their options, keys of the configuration, pages in the index."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import pytest

from proxy.cli import main
from tests.support.guides import ROOT, blocks, every_page

PAGES = [*every_page(), "CHANGELOG.md", "CONTRIBUTING.md"]
NOT_COMMANDS = {"ready"}
"""What follows the word ``sayso`` elsewhere than in a command."""
_INLINE = re.compile(r"(?<!`)`(?:\.venv/bin/)?sayso ([^`]+)`")
_IN_BLOCK = re.compile(r"(?:^|[\s/(])sayso ((?:--version|[a-z]).*)")
_IN_CONTAINER = re.compile(r"^(?:docker|kubectl) .*(?:sayso|--) sayso (\S.*)")
_ENDS = re.compile(r"\s(?:[|>;&]|# ).*")
_BRACKETS = re.compile(r"[\[\]]")
_KEY = re.compile(r"`\[(\w+(?:\.\w+)*)\](?: (\w+)[^`]*)?`")
_LINK = re.compile(r"\]\(([^)#\s]+\.(?:md|yaml|json))(?:#[^)\s]*)?\)")


# --- commands ---------------------------------------------------------------------------------------------------------


def quoted(page: str) -> Iterator[str]:
    """Yield every ``sayso`` command of a page, without the word ``sayso``."""
    text = (ROOT / page).read_text(encoding="utf-8")
    yield from (found.replace("\n", " ") for found in _INLINE.findall(text))
    for block in blocks(page, "sh", "console"):
        for line in block.code.replace("\\\n", " ").splitlines():
            contained = line.startswith(("docker ", "kubectl "))
            if found := (_IN_CONTAINER if contained else _IN_BLOCK).search(line):
                yield _ENDS.sub("", found[1])


COMMANDS = sorted({(page, command) for page in PAGES for command in quoted(page)})


def misread(command: str) -> str | None:
    """Return what ``sayso`` finds wrong with a command line, or None; values, and whether all is there, are not looked at.

    Args:
        command: without the word ``sayso``; parts in brackets may be left out.
    """
    words = shlex.split(_BRACKETS.sub("", command).split("\\|")[0])
    at: click.Command = main
    context = click.Context(main, info_name="sayso")
    while isinstance(at, click.Group):
        if not words or words == ["--version"]:
            return None
        name = words.pop(0)
        if name not in at.commands:
            return f"there is no {name}"
        at = at.commands[name]
        context = click.Context(at, parent=context, info_name=name)
    try:
        _, left, _ = at.make_parser(context).parse_args(words)
    except click.UsageError as error:
        return error.format_message()
    return f"what is {left}?" if left else None


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_a_command_that_is_quoted_can_be_given(page: str, command: str) -> None:
    """With these options and this many arguments."""
    if command.split(maxsplit=1)[0] not in NOT_COMMANDS:
        assert misread(command) is None


def test_a_command_that_is_none_is_noticed() -> None:
    """The test above can fail."""
    assert misread("statsu") == "there is no statsu"
    assert misread("status --jsno") is not None
    assert misread("audit export --visitor") is not None
    assert misread("explain one two") is not None


def test_every_command_stands_in_the_guides() -> None:
    """Nothing that can be typed is left unsaid."""
    said = {tuple(command.split()[:2]) for _, command in COMMANDS}
    missing = set()
    for name, command in main.commands.items():
        inner = command.commands if isinstance(command, click.Group) else {"": command}
        for second in inner:
            if not any(one[0] == name and (not second or one[1:] == (second,)) for one in said):
                missing.add(f"{name} {second}".strip())
    assert not missing


# --- the configuration ------------------------------------------------------------------------------------------------

_OF_TABLES = {"$ref", "properties", "patternProperties", "additionalProperties"}
SCHEMA: Mapping[str, Any] = json.loads((ROOT / "config" / "sayso.schema.json").read_text(encoding="utf-8"))


def below(schema: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """Return a table's key by name, or what stands for any name there."""
    schema = resolved(schema)
    found: Mapping[str, Any] | None = schema.get("properties", {}).get(name)
    further = [*schema.get("patternProperties", {}).values(), schema.get("additionalProperties")]
    return found or next((one for one in further if isinstance(one, Mapping)), None)


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow references, and choices of which one is a table."""
    while "$ref" in schema or "anyOf" in schema:
        if "$ref" in schema:
            schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
        else:
            schema = next((one for one in schema["anyOf"] if one.keys() & _OF_TABLES), {})
    return schema


KEYS = sorted(
    {
        (page, table, key)
        for page in PAGES
        for table, key in _KEY.findall((ROOT / page).read_text(encoding="utf-8"))
    }
)


@pytest.mark.parametrize(("page", "table", "key"), KEYS)
def test_a_key_that_is_named_is_one(page: str, table: str, key: str) -> None:
    """In ``[table]`` or ``[table] key`` form."""
    at: Mapping[str, Any] | None = SCHEMA
    for name in [*table.split("."), *([key] if key else [])]:
        at = below(at, name) if at is not None else None
        assert at is not None, f"{page}: [{table}] {key}: there is no {name}"


# --- the index --------------------------------------------------------------------------------------------------------


def test_every_page_is_in_the_index_once() -> None:
    """Records of decisions and runbooks have indexes of their own, which are in it."""
    docs = ROOT / "docs"
    linked = [
        (docs / one).resolve() for one in _LINK.findall((docs / "README.md").read_text(encoding="utf-8"))
    ]
    assert len(linked) == len(set(linked)), "a page stands there twice"
    wanted = {page for page in docs.iterdir() if page.suffix in {".md", ".yaml", ".json"}} - {
        docs / "README.md"
    }
    wanted |= {folder / "README.md" for folder in docs.iterdir() if (folder / "README.md").exists()}
    assert {page for page in linked if Path(page).is_relative_to(docs)} == wanted
