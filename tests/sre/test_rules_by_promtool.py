"""Every alert fires when it shall, and is silent when it shall be: the cases of tests/sre/rules, run by promtool."""

import re
from typing import Any

import pytest
import yaml

from tests.support.processes import ROOT
from tests.support.watching import PROMETHEUS, alerts, case_files, promtool

_NAME = re.compile(r"(\w+|Every alert) (fires|is silent): .+")


def cases() -> list[dict[str, Any]]:
    """Return all cases of all files."""
    return [
        case for path in case_files() for case in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]
    ]


def fired(case: dict[str, Any]) -> set[str]:
    """Return which alerts fire at any time of a case."""
    return {
        match[1]
        for asked in case["promql_expr_test"]
        for sample in asked["exp_samples"]
        if (match := re.search(r'alertname="(\w+)"', sample["labels"]))
    }


@pytest.mark.timeout(300)
def test_every_case_holds(tools: None) -> None:
    """One run over all files."""
    done = promtool("test", "rules", *case_files())
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_seen_firing_and_silent() -> None:
    """A case is named after its alert; each asks for all that fire, so a case that fires also shows others silent."""
    firing: set[str] = set()
    silent: set[str] = set()
    for case in cases():
        match = _NAME.fullmatch(case["name"])
        assert match, case["name"]
        if match[2] == "fires":
            assert match[1] in fired(case), case["name"]
            firing.add(match[1])
        else:
            assert match[1] not in fired(case), case["name"]
            silent.add(match[1])
    assert firing == set(alerts())
    assert silent - {"Every alert"} == set(alerts())


def test_cases_ask_for_everything_that_fires_and_how_often() -> None:
    """So an alert that fires twice, for two instances on one store, fails its case."""
    for case in cases():
        for asked in case["promql_expr_test"]:
            assert asked["expr"] == 'count by (alertname) (ALERTS{alertstate="firing"})'


def test_files_are_what_prometheus_takes(tools: None) -> None:
    """Rules, alerts, and the configuration that compose.yaml uses."""
    for arguments in (
        ("check", "rules", PROMETHEUS / "rules.yml", PROMETHEUS / "alerts.yml"),
        ("check", "config", PROMETHEUS / "prometheus.yml"),
    ):
        done = promtool(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_cases_are_about_the_files_that_are_shipped() -> None:
    """And evaluate recording rules before the alerts that stand on them."""
    groups = [
        group["name"]
        for file in ("rules.yml", "alerts.yml")
        for group in yaml.safe_load((PROMETHEUS / file).read_text(encoding="utf-8"))["groups"]
    ]
    for path in case_files():
        about = yaml.safe_load(path.read_text(encoding="utf-8"))
        named = [(path.parent / one).resolve().relative_to(ROOT).as_posix() for one in about["rule_files"]]
        assert named == ["config/prometheus/rules.yml", "config/prometheus/alerts.yml"]
        assert about["group_eval_order"] == groups
