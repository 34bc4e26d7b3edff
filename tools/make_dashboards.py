"""Write Grafana's dashboards, config/grafana/dashboards/*.json: ``python -m tools.make_dashboards``.

Plain JSON in Grafana's classic schema, which every release since 10 reads. What they show, and in words how it looks when
all is well, stands in tools/dashboards/*.toml. ``tests/sre/test_dashboards.py`` fails when a file is not up to date.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

SHOWN: Final = Path(__file__).with_name("dashboards")
FOLDER: Final = Path(__file__).resolve().parents[1] / "config" / "grafana" / "dashboards"
SCHEMA: Final = 39
COLUMNS: Final = 24
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
_COLOURS: Final = ("green", "orange", "red")

Kind = Literal["timeseries", "stat"]
Unit = Literal["reqps", "ops", "s", "bytes", "percentunit", "short", "bool_on_off", "none"]


@dataclass(frozen=True, slots=True)
class Query:
    """A query in PromQL, which may use ``$job``, ``$site``, ``$forwarder`` and ``$__rate_interval``.

    Args:
        expr: the query.
        legend: what its lines are called; ``{{label}}`` stands for a label's value.
    """

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One graph or number.

    Args:
        title: a few words.
        normal: in words, what is shown and how it looks when all is well.
        unit: Grafana's name of it.
        queries: what it shows.
        kind: a graph over time, or the newest value as a number.
        width, height: in Grafana's grid of 24 columns.
        limits: from where on it is orange, and red; empty: it has no colours.
        stacked: lines are put upon each other, as they are parts of one whole.
        signed: it may be below zero.
    """

    title: str
    normal: str
    unit: Unit
    queries: tuple[Query, ...]
    kind: Kind = "timeseries"
    width: int = 8
    height: int = 8
    limits: Sequence[float] = ()
    stacked: bool = False
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under one heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One file. ``by``: the variables by which its panels can be narrowed, besides ``job``."""

    name: str
    title: str
    says: str
    rows: tuple[Row, ...]
    by: Sequence[str] = ()


def dashboards() -> list[Dashboard]:
    """Read what the dashboards show.

    Raises:
        TypeError: a key that there is not, or one that is missing.
    """
    return [_read(path) for path in sorted(SHOWN.glob("*.toml"))]


def _read(path: Path) -> Dashboard:
    text = tomllib.loads(path.read_text(encoding="utf-8"))
    rows = tuple(Row(one["title"], tuple(map(_panel_of, one["panel"]))) for one in text.pop("row"))
    return Dashboard(path.stem, rows=rows, **text)


def _panel_of(table: dict[str, Any]) -> Panel:
    queries = tuple(Query(*one) for one in table.pop("queries"))
    if table.get("kind") == "stat":
        table = {"width": 4, "height": 4} | table
    return Panel(queries=queries, **table)


# --- JSON -------------------------------------------------------------------------------------------------------------


def _variables(dashboard: Dashboard) -> list[dict[str, Any]]:
    source = {
        "name": "datasource",
        "type": "datasource",
        "label": "Data source",
        "query": "prometheus",
        "refresh": 1,
    }
    job = _asked("job", "Installation", "label_values(sayso_build_info, job)", many=False)
    found = [source, job]
    if "site" in dashboard.by:
        found.append(
            _asked("site", "Site", 'label_values(sayso_events_received_total{job="$job"}, site)', many=True)
        )
    if "forwarder" in dashboard.by:
        query = 'label_values(sayso_outbox_entries{job="$job",site=~"$site"}, forwarder)'
        found.append(_asked("forwarder", "Forwarder", query, many=True))
    return found


def _asked(name: str, label: str, query: str, *, many: bool) -> dict[str, Any]:
    variable: dict[str, Any] = {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": _SOURCE,
        "definition": query,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "sort": 1,
    }
    if many:
        variable |= {"multi": True, "includeAll": True, "allValue": ".+"}
        variable["current"] = {"text": ["All"], "value": ["$__all"]}
    return variable


def _field(panel: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": _COLOURS[0], "value": None}]
    steps += [
        {"color": colour, "value": limit}
        for colour, limit in zip(_COLOURS[-len(panel.limits) :], panel.limits, strict=False)
        if panel.limits
    ]
    defaults: dict[str, Any] = {
        "unit": panel.unit,
        "thresholds": {"mode": "absolute", "steps": steps},
        "color": {"mode": "thresholds" if panel.kind == "stat" else "palette-classic"},
    }
    if panel.kind == "timeseries":
        defaults |= {} if panel.signed else {"min": 0}
        defaults["custom"] = {
            "drawStyle": "line",
            "lineWidth": 1,
            "fillOpacity": 20 if panel.stacked else 5,
            "showPoints": "never",
            "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "line" if panel.limits else "off"},
        }
    return {"defaults": defaults, "overrides": []}


def _panel(panel: Panel, number: int, at: dict[str, int]) -> dict[str, Any]:
    if panel.kind == "stat":
        options: dict[str, Any] = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
        options |= {"colorMode": "value" if panel.limits else "none", "graphMode": "area"}
    else:
        legend = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}
        options = {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.normal,
        "datasource": _SOURCE,
        "gridPos": at,
        "fieldConfig": _field(panel),
        "options": options,
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "datasource": _SOURCE,
                "expr": query.expr,
                "legendFormat": query.legend or "__auto",
                "range": True,
            }
            for place, query in enumerate(panel.queries)
        ],
    }


def _placed(dashboard: Dashboard) -> list[dict[str, Any]]:
    """Return all panels, row by row, from left to right."""
    found: list[dict[str, Any]] = []
    top = 0
    for row in dashboard.rows:
        found.append(
            {
                "id": len(found) + 1,
                "type": "row",
                "title": row.title,
                "collapsed": False,
                "gridPos": {"x": 0, "y": top, "w": COLUMNS, "h": 1},
                "panels": [],
            }
        )
        top += 1
        left = height = 0
        for panel in row.panels:
            if left + panel.width > COLUMNS:
                left, top, height = 0, top + height, 0
            at = {"x": left, "y": top, "w": panel.width, "h": panel.height}
            found.append(_panel(panel, len(found) + 1, at))
            left, height = left + panel.width, max(height, panel.height)
        top += height
    return found


def written(dashboard: Dashboard) -> str:
    """Return the file of a dashboard."""
    body = {
        "uid": f"sayso-{dashboard.name}",
        "title": f"Sayso: {dashboard.title}",
        "description": dashboard.says,
        "tags": ["sayso"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": _variables(dashboard)},
        "annotations": {"list": []},
        "links": [
            {"type": "dashboards", "title": "Sayso", "tags": ["sayso"], "asDropdown": False, "keepTime": True}
        ],
        "panels": _placed(dashboard),
    }
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write every file that is not up to date, and name it."""
    for dashboard in dashboards():
        path = FOLDER / f"{dashboard.name}.json"
        text = written(dashboard)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"dashboards: {path.name} written")


if __name__ == "__main__":
    main()
