"""The rules, alerts and dashboards as files, what their queries ask for, and a real Prometheus to ask."""

import json
import math
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import promql_parser
import yaml

from tests.support.processes import ROOT
from tests.support.website import until

PROMETHEUS = ROOT / "config" / "prometheus"
DASHBOARDS = ROOT / "config" / "grafana" / "dashboards"
WITHOUT = "there is no Prometheus here"
HISTOGRAM = ("_bucket", "_count", "_sum")


@dataclass(frozen=True, slots=True)
class Asked:
    """A query, and where it stands."""

    where: str
    expr: str


@dataclass(frozen=True, slots=True)
class Selected:
    """What a query takes of one metric: its name, and what each label must be, as ``(label, operator, value)``."""

    name: str
    labels: tuple[tuple[str, str, str], ...]


def rules(file: str) -> list[dict[str, Any]]:
    """Return the rules of rules.yml or alerts.yml, in their order."""
    found = yaml.safe_load((PROMETHEUS / file).read_text(encoding="utf-8"))
    return [rule for group in found["groups"] for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    """Return all alerts by name."""
    return {rule["alert"]: rule for rule in rules("alerts.yml")}


def dashboards() -> dict[str, dict[str, Any]]:
    """Return all dashboards by the file's name."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(DASHBOARDS.glob("*.json"))
    }


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all panels that show something."""
    return [one for one in dashboard["panels"] if one["type"] != "row"]


def of_panels() -> list[Asked]:
    """Return every query of every panel, with Grafana's variables."""
    return [
        Asked(f"{name}: {panel['title']} ({target['legendFormat']})", target["expr"])
        for name, dashboard in dashboards().items()
        for panel in panels(dashboard)
        for target in panel["targets"]
    ]


def of_rules() -> list[Asked]:
    """Return the expression of every rule and alert."""
    return [Asked(rule["record"], rule["expr"]) for rule in rules("rules.yml")] + [
        Asked(name, rule["expr"]) for name, rule in alerts().items()
    ]


def substituted(expr: str) -> str:
    """Put values in place of Grafana's variables, as it does for "All"."""
    for variable, value in {
        "$__rate_interval": "20s",
        "$job": "sayso",
        "$site": ".+",
        "$forwarder": ".+",
    }.items():
        expr = expr.replace(variable, value)
    assert "$" not in expr, expr
    return expr


class _Selectors:
    """Gathers what a query selects. The parser's visitor calls it for each part."""

    def __init__(self) -> None:
        self.found: list[Selected] = []

    def take(self, part: Any) -> None:
        """Look at one part and all below it."""
        match part:
            case promql_parser.VectorSelector():
                self._selects(part)
            case promql_parser.MatrixSelector():
                self._selects(part.vector_selector)
            case promql_parser.BinaryExpr():
                self.take(part.lhs)
                self.take(part.rhs)
            case promql_parser.AggregateExpr() | promql_parser.ParenExpr() | promql_parser.UnaryExpr():
                self.take(part.expr)
            case promql_parser.SubqueryExpr():
                self.take(part.expr)
            case promql_parser.Call():
                for one in part.args:
                    self.take(one)
            case _:
                assert isinstance(part, promql_parser.NumberLiteral | promql_parser.StringLiteral), type(part)

    def _selects(self, part: Any) -> None:
        labels = tuple((one.name, str(one.op), one.value) for one in part.matchers.matchers)
        self.found.append(Selected(part.name, labels))


def selected(expr: str) -> list[Selected]:
    """Return what a query takes; it must parse."""
    selectors = _Selectors()
    selectors.take(promql_parser.parse(substituted(expr)))
    return selectors.found


class Prometheus:
    """``with Prometheus(folder, "127.0.0.1:9464") as prometheus``: scrapes every second, with our rules and alerts."""

    def __init__(self, folder: Path, *targets: str) -> None:
        self.folder = folder
        self.targets = targets
        self.url = ""

    def __enter__(self) -> Self:
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        file = self.folder / "prometheus.yml"
        about = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(PROMETHEUS / "rules.yml"), str(PROMETHEUS / "alerts.yml")],
            "scrape_configs": [{"job_name": "sayso", "static_configs": [{"targets": list(self.targets)}]}],
        }
        file.write_text(json.dumps(about), encoding="utf-8")
        program = shutil.which("prometheus")
        assert program is not None, WITHOUT
        with (self.folder / "prometheus.stderr").open("wb") as errors:
            self._process = subprocess.Popen(  # noqa: S603 - the tool that is tested with
                [
                    program,
                    f"--config.file={file}",
                    f"--web.listen-address=127.0.0.1:{port}",
                    f"--storage.tsdb.path={self.folder / 'prometheus'}",
                    "--log.level=warn",
                ],
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(20)

    def get(self, path: str, **query: str) -> Any:
        """Ask the HTTP API; return its ``data``."""
        url = f"{self.url}/api/v1/{path}" + (f"?{urlencode(query)}" if query else "")
        body = json.loads(fetch(url))
        assert body["status"] == "success", body
        assert not body.get("warnings"), body
        return body["data"]

    def ask(self, expr: str) -> list[tuple[dict[str, str], float]]:
        """Run a query now; return each line's labels and value.

        Raises:
            AssertionError: it is wrong, or Prometheus warns about it.
        """
        data = self.get("query", query=expr)
        assert data["resultType"] == "vector", expr
        return [(one["metric"], float(one["value"][1])) for one in data["result"]]

    def over_time(self, expr: str, since: float) -> list[tuple[dict[str, str], list[float]]]:
        """Run a query for each second since then, as a panel does; return each line's labels and what is a number of it.

        Raises:
            AssertionError: it is wrong, or Prometheus warns about it.
        """
        data = self.get("query_range", query=expr, start=str(since), end=str(time.time()), step="1")
        lines = [(one["metric"], [float(value) for _, value in one["values"]]) for one in data["result"]]
        numbers = [(labels, [value for value in values if not math.isnan(value)]) for labels, values in lines]
        return [(labels, values) for labels, values in numbers if values]

    def value(self, expr: str) -> float | None:
        """Run a query that has one line at most; return its value."""
        found = self.ask(expr)
        assert len(found) <= 1, found
        return found[0][1] if found else None

    def scraped(self) -> bool:
        """Tell whether every target has been scraped."""
        try:
            targets = self.get("targets", state="active")["activeTargets"]
        except (urllib.error.URLError, ConnectionError, json.JSONDecodeError):  # it starts
            return False
        return len(targets) == len(self.targets) and all(one["health"] == "up" for one in targets)

    def wait_until_scraped(self) -> None:
        """Wait for the first scrape, which comes about five seconds after the start."""
        until(self.scraped, what="the first scrape")


def fetch(url: str, method: str = "GET", body: object = None, **headers: str) -> str:
    """Ask over plain http, past every proxy; return the text of an answer, whatever its status."""
    data = json.dumps(body).encode() if body is not None else None
    headers = {"Content-Type": "application/json", **headers}
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - our own servers
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
            return str(answer.read().decode(errors="replace"))
    except urllib.error.HTTPError as error:
        with error:
            return f"{error.code} {error.read().decode()}"


def promtool(*arguments: str | Path, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run promtool; less of its time goes into clearing up than it likes."""
    return subprocess.run(  # noqa: S603 - the tool that is tested with
        ["promtool", *map(str, arguments)],  # noqa: S607 - wherever it is installed
        input=given,
        env=os.environ | {"GOGC": "400"},
        capture_output=True,
        text=True,
        check=False,
    )


def case_files() -> Iterator[Path]:
    """Yield the cases of promtool."""
    yield from sorted((ROOT / "tests" / "sre" / "rules").glob("*.yml"))


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
