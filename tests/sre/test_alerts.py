"""Alerts, their runbooks and the page about them say the same, and name only what there is."""

import re
import shlex
from pathlib import Path

import click
import pytest

from proxy.cli import main
from proxy.metrics import CATALOGUE
from proxy.metrics_stored import Metric
from tests.support.processes import ROOT
from tests.support.watching import HISTOGRAM, Asked, Selected, alerts, of_panels, of_rules, rules, selected

RUNBOOKS = ROOT / "docs" / "runbooks"
PAGE = ROOT / "docs" / "alerts.md"
SECTIONS = ["What it means", "What it costs", "Look", "Mend", "Ask for help"]
METRICS = {metric.exposed: metric for metric in CATALOGUE}
OF_PROMETHEUS = {"up": {"job", "instance"}}
_CONSOLE = re.compile(r"^\$ (.+)$", re.MULTILINE)


def books() -> list[Path]:
    """Return every runbook."""
    return sorted(path for path in RUNBOOKS.glob("*.md") if path.stem != "README")


# --- alerts -----------------------------------------------------------------------------------------------------------


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    """Under the name that its annotation says."""
    assert {path.stem for path in books()} == set(alerts())
    for name, alert in alerts().items():
        assert alert["annotations"]["runbook_url"] == f"docs/runbooks/{name}.md"


@pytest.mark.parametrize("name", alerts())
def test_an_alert_says_how_urgent_it_is_what_happens_and_what_it_costs(name: str) -> None:
    """Whoever is woken reads nothing else at first."""
    alert = alerts()[name]
    assert alert["labels"] == {"severity": alert["labels"]["severity"]}
    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}
    assert len(alert["annotations"]["summary"]) < 160


def test_the_page_lists_every_alert_with_its_severity_and_its_runbook() -> None:
    """And nothing else."""
    rows = re.findall(
        r"^\| \[(\w+)\]\(runbooks/(\w+)\.md\) \| (\w+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert [(name, severity) for name, _, severity in rows] == [
        (name, alert["labels"]["severity"]) for name, alert in alerts().items()
    ]
    assert all(name == file for name, file, _ in rows)


# --- runbooks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", books(), ids=lambda path: path.stem)
def test_a_runbook_is_short_and_has_all_its_parts(path: Path) -> None:
    """It is read at night."""
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# {path.stem}\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS
    assert text.count("\n") <= 45
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        assert (path.parent / target).exists(), target


def commands() -> list[tuple[str, str]]:
    """Return each line of a runbook that is typed, with the runbook's name."""
    return [
        (path.stem, line)
        for path in books()
        for block in re.findall(r"```console\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
        for line in _CONSOLE.findall(block)
    ]


def test_every_runbook_has_commands() -> None:
    """Of ours, or of the system."""
    assert {name for name, _ in commands()} == set(alerts())


def named() -> list[tuple[str, str]]:
    """Return each of our commands that a runbook names within a sentence."""
    return [
        (path.stem, line)
        for path in books()
        for line in re.findall(r"`(sayso [a-z][^`]*)`", path.read_text(encoding="utf-8"))
    ]


OURS = sorted({one for one in [*commands(), *named()] if one[1].startswith("sayso")})


@pytest.mark.parametrize(("name", "line"), OURS)
def test_a_command_of_a_runbook_exists_with_its_options(name: str, line: str) -> None:
    """Click parses it, and does nothing."""
    words = shlex.split(line.partition(" | ")[0])[1:]
    command: click.Command = main
    context = click.Context(main, info_name="sayso")
    while isinstance(command, click.Group):
        found = command.get_command(context, words[0])
        assert found is not None, f"{name}: {line}"
        command, words = found, words[1:]
    command.make_context(line, words, parent=context)


# --- names ------------------------------------------------------------------------------------------------------------


def metric_of(name: str) -> Metric | None:
    """Return the metric that a name in the exposition is about."""
    if name in METRICS:
        return METRICS[name]
    for ending in HISTOGRAM:
        metric = METRICS.get(name.removesuffix(ending))
        if name.endswith(ending) and metric is not None and metric.kind == "histogram":
            return metric
    return None


def labels_of_records() -> dict[str, set[str]]:
    """Return the labels of what rules.yml records."""
    found = {}
    for rule in rules("rules.yml"):
        outermost = re.search(r"by \(([^)]+)\)", rule["expr"])
        assert outermost, rule
        found[rule["record"]] = set(outermost[1].split(", "))
    return found


RECORDS = labels_of_records()


def trouble(one: Selected) -> str:
    """Say what is wrong with what a query asks for; empty if nothing is."""
    if one.name in OF_PROMETHEUS or one.name in RECORDS:
        known = OF_PROMETHEUS.get(one.name) or RECORDS[one.name]
        return ", ".join(label for label, _, _ in one.labels if label not in known)
    metric = metric_of(one.name)
    if metric is None:
        return f"no metric {one.name}"
    wrong = [_wrong(metric, one.name, *matcher) for matcher in one.labels]
    return ", ".join(filter(None, wrong))


def _wrong(metric: Metric, name: str, label: str, operator: str, value: str) -> str:
    if label in {"job", "instance"}:
        return ""
    if label == "le":
        bounds = {str(float(one)) for one in metric.buckets} | {"+Inf"}
        return "" if name.endswith("_bucket") and value in bounds else f"le={value}"
    if label not in metric.labels:
        return f"no label {label}"
    if label not in metric.values:  # site and forwarder: the configuration's
        return ""
    asked = value.split("|") if "Re" in operator else [value]
    return ", ".join(f"{label} is never {one}" for one in asked if one and one not in metric.values[label])


@pytest.mark.parametrize("asked", [*of_rules(), *of_panels()], ids=lambda asked: asked.where)
def test_a_query_names_only_what_there_is(asked: Asked) -> None:
    """Metric, label, the value of a closed label, the bound of a bucket. It would be empty for ever else."""
    found = selected(asked.expr)
    assert found
    assert [trouble(one) for one in found if trouble(one)] == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("sayso_event_received_total", "no metric"),
        ('sayso_requests_total{path="/collect"}', "no label path"),
        ('sayso_requests_total{route="colect"}', "never colect"),
        ('sayso_requests_total{status=~"2xx|6xx"}', "never 6xx"),
        ('sayso_ingest_duration_seconds_bucket{le="0.051"}', "le=0.051"),
        ("sayso_outbox_entries_count", "no metric"),
    ],
)
def test_a_name_that_is_wrong_is_noticed(wrong: str, said: str) -> None:
    """The test above can fail."""
    (one,) = selected(wrong)
    assert said in trouble(one)


def test_what_the_store_counts_is_never_added_up_over_instances() -> None:
    """Each instance says the same: a sum would count it once for each. Within one instance it may be added up."""
    stored = {metric.exposed for metric in CATALOGUE if metric.where == "store"} - {"sayso_store_up"}
    inner = re.compile(r"sum by \(([^)]*)\) \((?:\w+\()?(sayso_\w+)|sum ?\((?:\w+\()?(sayso_\w+)")
    for asked in [*of_rules(), *of_panels()]:
        for by, name, bare in inner.findall(asked.expr):
            if (name or bare) in stored:
                assert "instance" in by, asked.where


def test_every_metric_is_used_somewhere() -> None:
    """A number that nobody looks at is not worth its name."""
    asked = [one.name for query in [*of_rules(), *of_panels()] for one in selected(query.expr)]
    used = {metric.exposed for name in asked if (metric := metric_of(name)) is not None}
    assert used == set(METRICS)


def test_every_recorded_ratio_is_used_somewhere() -> None:
    """By an alert or a panel."""
    used = {one.name for asked in [*of_rules(), *of_panels()] for one in selected(asked.expr)}
    assert {name for name in RECORDS if name not in used} == set()
