"""The dashboards: up to date, and as Grafana wants them."""

import itertools
import json
import re
from typing import Any

import pytest
import yaml

from tests.support.processes import ROOT
from tests.support.watching import Asked, dashboards, of_panels, panels, selected
from tools.make_dashboards import FOLDER, written
from tools.make_dashboards import dashboards as shown

NAMES = ("consent", "forwarders", "ingest", "store")
PROVISIONING = ROOT / "config" / "grafana" / "provisioning"


def test_the_files_are_what_the_generator_writes() -> None:
    """`python -m tools.make_dashboards` writes them."""
    assert [one.name for one in shown()] == list(NAMES)
    assert sorted(path.stem for path in FOLDER.glob("*")) == list(NAMES)
    for one in shown():
        assert (FOLDER / f"{one.name}.json").read_text(encoding="utf-8") == written(one)


def test_dashboards_have_uids_and_titles_of_their_own() -> None:
    """Grafana keeps one per uid."""
    assert len({one["uid"] for one in dashboards().values()}) == len(NAMES)
    assert len({one["title"] for one in dashboards().values()}) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_dashboard_is_in_the_classic_schema(name: str) -> None:
    """That every release since 10 reads."""
    found = dashboards()[name]
    assert found["schemaVersion"] <= 39
    assert "id" not in found
    ids = [one["id"] for one in found["panels"]]
    assert len(set(ids)) == len(ids)
    titles = [one["title"] for one in panels(found)]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("name", NAMES)
def test_panels_stand_within_the_grid_and_not_upon_each_other(name: str) -> None:
    """Grafana's grid has 24 columns."""
    places = [one["gridPos"] for one in dashboards()[name]["panels"]]
    for at in places:
        assert at["x"] >= 0
        assert at["x"] + at["w"] <= 24
        assert at["h"] > 0
    for one, other in itertools.combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below, (one, other)


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_says_in_words_what_is_normal_and_has_a_unit(name: str) -> None:
    """Whoever looks for the first time is helped."""
    for panel in panels(dashboards()[name]):
        assert len(panel["description"]) > 20, panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        limits = [one["value"] for one in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]
        assert limits[0] is None
        assert limits[1:] == sorted(limits[1:])


@pytest.mark.parametrize("name", NAMES)
def test_every_query_goes_to_the_source_and_the_installation_that_are_chosen(name: str) -> None:
    """And can be narrowed by what the dashboard offers; every letter of a panel is its own."""
    found = dashboards()[name]
    offered = {one["name"] for one in found["templating"]["list"]}
    assert {"datasource", "job"} <= offered
    for panel in panels(found):
        letters = [one["refId"] for one in panel["targets"]]
        assert len(set(letters)) == len(letters) > 0
        for asked in (panel, *panel["targets"]):
            assert asked["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        for target in panel["targets"]:
            used = set(re.findall(r"\$(?!__)(\w+)", target["expr"]))
            assert used <= offered, panel["title"]
            assert all('job="$job"' in part for part in re.findall(r"\{([^}]*)\}", target["expr"]))


@pytest.mark.parametrize("asked", of_panels(), ids=lambda asked: asked.where)
def test_every_selector_names_the_installation_and_rates_fit_the_zoom(asked: Asked) -> None:
    """`$__rate_interval` is never shorter than four scrapes, whatever is zoomed to."""
    for one in selected(asked.expr):
        assert ("job", "MatchOp.Equal", "sayso") in one.labels, asked.expr
    for function, window in re.findall(r"(rate|deriv)\([^\[]+\[([^\]]+)\]", asked.expr):
        assert window == "$__rate_interval", function


def test_variables_are_those_of_prometheus() -> None:
    """Each asks for values of a label."""
    for found in dashboards().values():
        for variable in found["templating"]["list"]:
            if variable["type"] == "query":
                assert re.fullmatch(r"label_values\(sayso_\w+(\{.+\})?, \w+\)", variable["definition"])


def provisioned(path: str) -> dict[str, Any]:
    """Return one file of the provisioning."""
    found: dict[str, Any] = yaml.safe_load((PROVISIONING / path).read_text(encoding="utf-8"))
    return found


def test_compose_gives_grafana_its_source_and_its_dashboards() -> None:
    """The paths and names are those of compose.yaml."""
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    mounts = dict(one.split(":")[:2] for one in compose["grafana"]["volumes"])
    assert mounts["./config/grafana/provisioning"] == "/etc/grafana/provisioning"
    (provider,) = provisioned("dashboards/sayso.yml")["providers"]
    assert provider["options"]["path"] == mounts["./config/grafana/dashboards"]
    (source,) = provisioned("datasources/sayso.yml")["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert source["type"] == "prometheus"
    assert "prometheus" in compose


def test_json_has_no_surprises() -> None:
    """No key twice, which a parser would pass over in silence."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    for path in FOLDER.glob("*.json"):
        json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=unique)
