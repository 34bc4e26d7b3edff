"""The report as files: what spreadsheets and programs get, and what they must not be made to do."""

import csv
import io
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.dashboard.export import HEAD, Dialect, as_csv, as_json
from proxy.dashboard.known import Known
from proxy.dashboard.small import publish
from proxy.report.model import CampaignCount
from tests.support.made_up_report import MadeUp, asking

ASKED = asking(site="ullvik")
QUIET = MadeUp(mean=1.0).now(asking(site="ullvik", period="7d"))
STARTERS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001


def rows(body: bytes, delimiter: str = ",") -> list[dict[str, str]]:
    """Read a CSV as a spreadsheet does."""
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""), delimiter=delimiter))


def named(name: str, found: Known | None = None) -> Known:
    """Return what is known, with one campaign of that name."""
    found = found or MadeUp().now(ASKED)
    campaign = CampaignCount(name, name, name, found.report.conversions, {"NOK": 1_500_000}, 0)
    return replace(found, report=replace(found.report, campaigns=(campaign,)))


def test_the_csv_has_every_number_of_the_page() -> None:
    """A row for each number: totals, days, campaigns, answers, forwarders."""
    known = MadeUp().now(ASKED)
    found = rows(as_csv(known, ASKED))
    total = {(row["item"], row["currency"]): row["number"] for row in found if row["table"] == "total"}
    assert total["conversions", ""] == str(known.report.conversions)
    days = [row for row in found if row["table"] == "day" and row["item"] == "conversions"]
    assert [int(row["number"]) for row in days] == [one.conversions for one in known.report.days]
    campaigns = [row for row in found if row["table"] == "campaign" and row["item"] == "conversions"]
    assert sum(int(row["number"]) for row in campaigns) == known.report.conversions
    meta = {row["item"]: row["number"] for row in found if row["forwarder"] == "meta"}
    assert int(meta["received"]) == known.report.funnels[2].received
    assert {row["table"] for row in found} == {
        "total",
        "day",
        "campaign",
        "consent",
        "consent by day",
        "forwarder",
    }


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.sampled_from([*STARTERS, " =", "=cmd|' /C calc'!A0", '"=1', "a"]), st.text(min_size=1)))
def test_no_name_becomes_a_formula(name: str) -> None:
    """Whatever a campaign is called, a spreadsheet reads it as text; and no name breaks a row."""
    found = [row for row in rows(as_csv(named(name, QUIET), ASKED)) if row["table"] == "campaign"]
    assert len(found) == 3
    for row in found:
        for key in ("source", "medium", "campaign"):
            assert not row[key].lstrip(" ").startswith(STARTERS)
        assert row.keys() == set(HEAD)


def test_names_that_are_no_formula_stay() -> None:
    """Nothing is put before an ordinary name."""
    (row, *_) = [row for row in rows(as_csv(named("høst-salg"), ASKED)) if row["table"] == "campaign"]
    assert row["campaign"] == "høst-salg"
    (row, *_) = [row for row in rows(as_csv(named("-50%"), ASKED)) if row["table"] == "campaign"]
    assert row["campaign"] == "'-50%"


@pytest.mark.parametrize(
    ("dialect", "begins", "delimiter", "amount"),
    [
        (Dialect(), b"\xef\xbb\xbftable,", ",", "1234.5"),
        (Dialect(norwegian=True), b"\xef\xbb\xbftable;", ";", "1234,5"),
        (Dialect(bom=False), b"table,", ",", "1234.5"),
    ],
)
def test_a_csv_is_what_its_reader_expects(
    dialect: Dialect, begins: bytes, delimiter: str, amount: str
) -> None:
    """Excel needs a mark to read UTF-8, and in Norway semicolons and decimal commas; programs need neither."""
    known = named("høst")
    (campaign,) = known.report.campaigns
    report = replace(known.report, campaigns=(replace(campaign, value={"NOK": 1_234_500}),))
    body = as_csv(replace(known, report=report), ASKED, dialect)
    assert body.startswith(begins)
    values = [
        row["number"]
        for row in rows(body, delimiter)
        if row["table"] == "campaign" and row["currency"] == "NOK"
    ]
    assert values == [amount]


def test_the_json_has_every_number_of_the_page() -> None:
    """Accounts add up in it too."""
    known = MadeUp().now(ASKED)
    body: dict[str, Any] = orjson.loads(as_json(known, ASKED))
    assert body["time_zone"] == "Europe/Oslo"
    assert body["totals"]["conversions"] == known.report.conversions
    assert sum(day["conversions"] for day in body["days"]) == known.report.conversions
    assert sum(row["conversions"] for row in body["campaigns"]) == known.report.conversions
    assert sum(row["conversions"] for row in body["consent"]) == known.report.conversions
    for one in body["forwarders"]:
        assert one["received"] == one["full"] + one["cookieless"] + sum(one["dropped"].values())
        ended = sum(sum(reasons.values()) for reasons in one["outcomes"].values())
        assert one["full"] + one["cookieless"] == ended + one["pending"]


@pytest.mark.parametrize("period", ["7d", "28d", "90d", "13m"])
def test_files_hide_what_the_page_hides(period: str) -> None:
    """A site with few conversions shows no small count of a campaign or an answer in either file."""
    question = asking(site="outlet", period=period)
    known = MadeUp().now(question)
    body = orjson.loads(as_json(known, question))
    published = [row.conversions for row in publish(known.report.campaigns, 5)]
    assert [row["conversions"] for row in body["campaigns"]] == published
    by_day = body["consent_by_day"]
    cells = [cell for row in (by_day["rows"] if by_day else []) for cell in row["conversions"] or []]
    total = known.report.conversions
    small = [
        row["conversions"] for row in (*body["campaigns"], *body["consent"]) if 0 < row["conversions"] < 5
    ]
    assert small in ([], [total], [total, total])
    assert not [cell for cell in cells if 0 < cell < 5]
    table = rows(as_csv(known, question))
    told = [row for row in table if row["table"].startswith("consent") or row["table"] == "campaign"]
    counts = [row for row in told if row["item"] != "value" and row["number"].isdigit()]
    assert not [row for row in counts if 0 < int(row["number"]) < 5 and int(row["number"]) != total]
    for one in body["forwarders"]:
        assert not [n for why, n in one["dropped"].items() if why.startswith("consent") and 0 < n < 5]


def test_a_narrowed_file_has_the_rows_of_its_source() -> None:
    """The files follow the page's filter."""
    question = asking(site="ullvik", source="google")
    known = MadeUp().now(question)
    body = orjson.loads(as_json(known, question))
    assert {row["source"] for row in body["campaigns"]} == {"google"}
    assert {row["source"] for row in rows(as_csv(known, question)) if row["table"] == "campaign"} == {
        "google"
    }
