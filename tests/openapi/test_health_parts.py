"""What docs/api.md says of ``/readyz``: which part may degrade, and which may say that events cannot be taken."""

import ast
import asyncio
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import proxy.serve
from proxy.admin import Health, Part
from proxy.supervise import Workers

ROOT = Path(__file__).resolve().parents[2]
FORWARDER = "SITE.FORWARDER"
_ROW = re.compile(r"^\| `([\w.]+)` \| (.*?) ?\| (.*?) ?\|$", re.MULTILINE)


def table() -> dict[str, set[str]]:
    """Return the statuses that each part may have, as the page says."""
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    found: dict[str, set[str]] = {}
    for name, degraded, not_ready in _ROW.findall(text.partition("<!-- health parts")[2]):
        found[name] = {"ready"}
        found[name] |= {"degraded"} if degraded else set()
        found[name] |= {"not_ready"} if not_ready else set()
    return found


def statuses(node: ast.AST) -> Iterator[str]:
    """Yield the statuses of every ``Part(...)`` that is made in an expression."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Part":
            for text in ast.walk(call.args[0]):
                if isinstance(text, ast.Constant):
                    yield str(text.value)


def made() -> dict[str, set[str]]:
    """Return the statuses that the code gives to each part, as it is written."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for path in (ROOT / "proxy").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "import Part" not in text and "import Health, Part" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant):
                        found[str(key.value)].update(statuses(value))
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
                found[FORWARDER].update(statuses(node.value))
    return {name: words for name, words in found.items() if words}


def test_the_page_says_of_each_part_what_the_code_does() -> None:
    """A part that is new, or that may newly say ``not_ready``, is documented."""
    assert table() == made()


def test_serve_asks_each_part_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no other."""
    asked: list[str] = []

    def make_admin(health: Health, *_: object) -> None:
        asked.extend(health.parts)

    monkeypatch.setattr(proxy.serve, "make_admin", make_admin)
    monkeypatch.setattr(proxy.serve, "add_dashboard", lambda *_: None)
    anything: Any = _Anything()
    proxy.serve._admin(anything, anything, anything)
    assert {"delivery" if name == FORWARDER else name for name in table()} == set(asked)
    assert len(asked) == len(set(asked))


class _Anything(SimpleNamespace):
    def __getattr__(self, name: str) -> "_Anything":
        return _Anything()


async def test_all_parts_are_asked_at_once() -> None:
    """Each waits here until the others have been asked: one after the other, none would answer in time."""
    barrier = asyncio.Barrier(3)

    def asked(name: str) -> Callable[[], Awaitable[dict[str, Part]]]:
        async def ask() -> dict[str, Part]:
            await barrier.wait()
            return {name: Part("ready")}

        return ask

    assert list((await Health({name: asked(name) for name in "abc"}).check())[1]) == ["a", "b", "c"]


async def test_a_part_that_does_not_answer_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Probes give up after a second; what matters is said all the same."""
    monkeypatch.setattr("proxy.admin._PATIENCE_S", 0.05)

    async def hung() -> dict[str, Part]:
        await asyncio.Event().wait()
        raise AssertionError

    async def gone() -> dict[str, Part]:
        return {"store": Part("not_ready", "gone")}

    assert await Health({"a": hung, "store": gone}).check() == (
        "not_ready",
        {"store": Part("not_ready", "gone")},
    )


async def test_who_is_stopping_takes_no_more_events() -> None:
    """A load balancer is told at once."""
    workers = Workers(0, {}, lambda _: None)
    await workers.stop()
    assert await workers.part() == {"gateway": Part("not_ready", "it is stopping")}


async def test_the_status_is_that_of_the_worst_part() -> None:
    """Degraded is above ready, not ready above both."""

    async def one() -> dict[str, Part]:
        return {"a": Part("ready"), "b": Part("degraded", "slow")}

    async def other() -> dict[str, Part]:
        return {"c": Part("not_ready", "gone")}

    assert (await Health({"one": one}).check())[0] == "degraded"
    assert (await Health({"one": one, "other": other}).check())[0] == "not_ready"
    assert (await Health().check())[0] == "ready"
