"""What the dashboard makes of a report: every number once, every account adds up, nothing is claimed that is not known."""

import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from proxy.dashboard.figures import Bar, Part, ceiling, days_chart, share_bar
from proxy.dashboard.known import Known, Refusals, Standing
from proxy.dashboard.page import dashboard_page
from proxy.dashboard.question import Question
from proxy.dashboard.refusals import alike
from proxy.dashboard.usual import Usual, usual
from proxy.dashboard.view import View, make_view
from proxy.delivery.backoff import State
from proxy.delivery.states import LinkState
from proxy.reasons import Outcome, OutcomeReason, Reason
from proxy.report.model import CampaignCount, Consented, DayCount, Funnel, Report
from tests.support.made_up_report import TODAY, VENDORS, MadeUp, asking

SHOWN = asking(site="ullvik", compare="previous")


def known(**report: Any) -> Known:
    """Return what is known of the shop, its report changed in these points."""
    found = MadeUp().now(SHOWN)
    return replace(found, report=replace(found.report, **report))


def seen(found: Known, question: Question = SHOWN) -> View:
    """Return the view."""
    return make_view(found, question)


def number(text: str) -> int:
    """Read a number as it is written in English."""
    return int(text.replace(",", ""))


def test_the_tiles_say_the_five_numbers() -> None:
    """Conversions, value by currency, consent, acceptance, duplicates; each with its change in words."""
    tiles = {tile.key: tile for tile in seen(MadeUp().now(SHOWN)).tiles}
    assert list(tiles) == ["conversions", "value", "consent", "delivered", "duplicates"]
    assert all(figure.change is not None for tile in tiles.values() for figure in tile.figures)
    assert [figure.number[:3] for figure in tiles["value"].figures] == ["NOK", "EUR"]


def test_the_share_with_consent_is_not_told_of_few() -> None:
    """Where too few said yes, or too few did not, the tile says that it is not shown."""
    days = (DayCount(TODAY, 23, consent={Consented.ALL: 20, Consented.DENIED: 3}),)
    tile = seen(known(days=days)).tiles[2]
    assert tile.figures[0].number == "Not shown: too few to tell apart"


@pytest.mark.parametrize("period", ["7d", "28d", "13m"])
@pytest.mark.parametrize("site", ["ullvik", "outlet"])
def test_every_account_adds_up(period: str, site: str) -> None:
    """Received is what was sent in full, without identifiers and not at all; what was sent has ended or waits."""
    question = asking(site=site, period=period)
    found = MadeUp().now(question)
    for funnel, vendor in zip(found.report.funnels, seen(found, question).vendors, strict=True):
        assert sum(number(step.count) for step in vendor.decided) == funnel.received
        assert sum(number(step.count) for step in vendor.ended) == funnel.full + funnel.cookieless
        for step in (*vendor.decided, *vendor.ended):
            if step.causes:
                assert sum(number(cause.count) for cause in step.causes) == number(step.count)


@pytest.mark.parametrize("lang", ["en", "nb"])
def test_every_reason_is_shown_in_plain_words_with_what_to_do(lang: str) -> None:
    """Whatever reasons come: the page has words for them and says what can be done."""
    ended = {(outcome, why): 7 for outcome in Outcome for why in (*OutcomeReason, *Reason)}
    funnel = Funnel("meta", 7 * len(ended), 0, dict.fromkeys(Reason, 9), ended)
    question = replace(SHOWN, lang=lang)
    (vendor,) = make_view(known(funnels=(funnel,)), question).vendors
    causes = [cause for step in (*vendor.decided, *vendor.ended) for cause in step.causes]
    assert len(causes) == len(Reason) + 3 * len({*OutcomeReason, *Reason})
    assert all(cause.what and cause.todo for cause in causes)


def test_a_vendor_says_its_own_words() -> None:
    """What a vendor said of refused conversions stands at the vendor, with how often it said so."""
    vendors = {vendor.title: vendor for vendor in seen(MadeUp().now(SHOWN)).vendors}
    words = vendors["Meta"].words
    assert words[0] == ("(#100) param user_data must have at least one of the following: em, ph, fbc", "7 ×")  # noqa: RUF001
    assert vendors["Google Ads"].words_more == "Only the newest 500 were looked at."
    assert vendors["Microsoft Advertising"].words == []


def test_words_that_are_gone_are_told() -> None:
    """Refusals stay counted for months, what was said of them for three days: nobody shall look for it in vain."""
    refused: dict[tuple[Outcome, OutcomeReason | Reason], int] = {
        (Outcome.REJECTED, OutcomeReason.VENDOR_REJECTED): 3
    }
    funnels = (Funnel("meta", full=3, outcomes=refused), Funnel("microsoft", full=3))
    bare = replace(known(funnels=funnels), standing=Standing())
    meta, microsoft = seen(bare).vendors
    assert "Meta's own words are kept for three days" in meta.words_gone
    assert microsoft.words_gone == ""
    said = replace(bare, standing=Standing(refusals={"meta": Refusals([("no", 3)], 3)}))
    assert seen(said).vendors[0].words_gone == ""
    assert "now there are none" in dashboard_page(seen(bare), "en", "")


def test_all_numbers_of_a_tile_have_one_size() -> None:
    """As large as the longest allows: 300 EUR must not stand larger than a million NOK above it."""
    day = DayCount(TODAY, 9, value={"NOK": 1_418_992_000_000, "EUR": 300_000})
    page = dashboard_page(seen(known(days=(day,))), "en", "")
    tile = page.partition('data-tile="value"')[2].partition("</section>")[0]
    assert re.findall(r'class="(number[^"]*)"', tile) == ["number fullest", "number fullest"]


def test_accounts_of_one_vendor_have_their_own_names() -> None:
    """Two accounts at Meta can be told apart, and one that was removed says so."""
    found = known(funnels=(Funnel("meta", 1), Funnel("meta_outlet", 1), Funnel("old", 1)))
    shop = replace(found.shop, vendors={"meta": "Meta", "meta_outlet": "Meta"})
    titles = [vendor.title for vendor in seen(replace(found, shop=shop)).vendors]
    assert titles == ["Meta", "Meta (meta_outlet)", "old (no longer set up)"]


def test_match_keys_are_coverage() -> None:
    """Each key says in how many of the full messages it was, under a name that people know; a new one under its own."""
    funnel = Funnel("meta", full=40, keys={"em": 30, "fbc": 10, "brand_new": 4, "ph": 0})
    (vendor,) = seen(known(funnels=(funnel,))).vendors
    assert [(key.label, key.count, key.share) for key in vendor.keys] == [
        ("E-mail (as a hash)", "30", "75.0%"),
        ("Meta's click id (fbc)", "10", "25.0%"),
        ("brand_new", "4", "10.0%"),
    ]


def test_campaigns_are_cut_at_two_hundred() -> None:
    """The rest is one row, so that the table's sum is all conversions."""
    many = tuple(CampaignCount("a", "b", f"c{at}", 10, {}, 0) for at in range(230))
    found = known(campaigns=many, days=(DayCount(TODAY, 2300),))
    rows = seen(found).campaigns.rows
    assert len(rows) == 201
    assert rows[-1].place == "30 further rows, together"
    assert sum(number(row.conversions) for row in rows) == 2300


def test_a_source_can_be_looked_at_alone() -> None:
    """Its link leads to its rows, and a way leads back."""
    first = seen(MadeUp().now(SHOWN)).campaigns
    (link,) = {row.link for row in first.rows if row.place == "google / cpc"}
    assert link is not None
    assert "source=google" in link
    question = asking(site="ullvik", source="google")
    narrow = seen(MadeUp().now(question), question).campaigns
    assert {row.place for row in narrow.rows} == {"google / cpc"}
    assert narrow.only == "Only the source google"
    assert "source=" not in narrow.every


def test_the_page_says_on_which_days_it_stands() -> None:
    """Time zone, an unfinished today, the compared days, and what is no longer kept."""
    notes = " ".join(seen(MadeUp().now(SHOWN)).notes)
    assert "Europe/Oslo" in notes
    assert "Today is not over yet" in notes
    assert "Compared with 28 Sep" in notes
    year = asking(site="ullvik", period="13m", compare="year")
    assert "There is no comparison" in " ".join(make_view(MadeUp().now(year), year).notes)
    past = asking(site="ullvik", period="last_month", compare="none")
    assert "Not compared with anything" in " ".join(make_view(MadeUp().now(past), past).notes)
    assert "Today" not in " ".join(make_view(MadeUp().now(past), past).notes)
    old = asking(site="ullvik", **{"from": "2024-01-01", "to": "2024-02-01"})
    assert "older than the 400 days" in " ".join(make_view(MadeUp().now(old), old).notes)


def test_nothing_yet_says_what_to_do_next() -> None:
    """No zeros where there is nothing: where to look, which names count, how to try."""
    question = asking(site="outlet", event="purchase")
    found = MadeUp().now(question)
    nothing = Report("outlet", TODAY, TODAY, "purchase", (DayCount(TODAY),), (), ())
    view = make_view(replace(found, report=nothing), question)
    assert view.empty is not None
    assert view.empty.every_event is not None
    page = dashboard_page(view, "en", "")
    assert "No conversions in these days" in page
    assert "purchase" in view.empty.names
    assert "sayso doctor" in page
    assert 'class="tiles"' not in page


# --- health -------------------------------------------------------------------------------------------------------------


def test_health_names_what_is_wrong() -> None:
    """A store that takes nothing, a paused vendor and a poor yesterday are said in words; the rest is fine."""
    standing = Standing(
        store="it is out of memory",
        states=[LinkState("ullvik", "meta", State.PAUSED, "token expired", 1)],
        usual=Usual(TODAY - timedelta(1), 3, 4, 480),
    )
    lines = {line.label: line for line in seen(replace(MadeUp().now(SHOWN), standing=standing)).health}
    assert [label for label, line in lines.items() if not line.good] == [
        "The data store",
        "Yesterday",
        "Meta",
    ]
    assert "it is out of memory" in lines["The data store"].words
    assert "token" in lines["Meta"].words
    assert lines["Meta"].quote == "Its words: “token expired”"
    assert "3 conversions on Saturday 21 November" in lines["Yesterday"].words
    assert "48.0 on average" in lines["Yesterday"].words


def day_counts(pairs: dict[date, int]) -> list[DayCount]:
    """Return days with so many conversions."""
    return [DayCount(day, count) for day, count in pairs.items()]


def test_yesterday_is_compared_with_the_same_weekday() -> None:
    """The average is of the four same weekdays before, and less than half of it is fewer than usual."""
    yesterday = TODAY - timedelta(1)
    weeks = {yesterday - timedelta(7 * week): count for week, count in enumerate((20, 40, 44, 40, 36))}
    found = usual(day_counts(weeks), yesterday)
    assert (found.number, found.weeks, found.average_tenths, found.fewer) == (20, 4, 400, False)
    assert usual(day_counts({**weeks, yesterday: 19}), yesterday).fewer


def test_a_new_or_quiet_site_is_not_alarmed() -> None:
    """Days before the first conversion do not count, and small averages say nothing."""
    yesterday = TODAY - timedelta(1)
    week = yesterday - timedelta(7)
    assert usual(day_counts({yesterday: 0, week: 50}), yesterday).weeks == 0
    quiet = {yesterday - timedelta(7 * at): count for at, count in enumerate((0, 4, 5, 6, 4))}
    assert not usual(day_counts(quiet), yesterday).fewer
    assert usual([], yesterday) == Usual(yesterday, 0, 0, 0)


def test_refusals_that_differ_in_numbers_only_are_one() -> None:
    """An id or a time in a vendor's words does not make each refusal one of its own."""
    assert alike("trace AbC123xyz: bad time 1795341600") == alike("trace Zz9Yy8Xx: bad time 1795341777")
    assert alike("(#100) Invalid parameter") == "(#100) Invalid parameter"
    assert len(alike("x " * 999)) <= 300


def test_refusals_are_nothing_where_nobody_refused() -> None:
    """The types' own defaults mean nothing."""
    assert Refusals() == Refusals((), 0, more=False)
    assert VENDORS.keys() >= {"meta"}


# --- figures ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("most", "top"), [(0, 1), (1, 1), (4, 4), (6, 10), (41, 50), (51, 100), (100, 100), (101, 200)]
)
def test_an_axis_ends_at_a_round_number(most: int, top: int) -> None:
    """Nothing rises above it."""
    assert ceiling(most) == top


def test_bars_are_as_high_as_their_numbers() -> None:
    """Half of the top is half as high; a comparison is a line at its height."""
    figure = str(days_chart([Bar(10, 5, "a"), Bar(5, None, "b")], [(0, "x")], "name", [(0, ""), (10, "10")]))
    full, half = (float(one) for one in re.findall(r'class="day"[^>]* height="([\d.]+)"', figure))
    assert full == 2 * half
    assert figure.count('class="before"') == 1


def test_parts_of_a_whole_fill_it() -> None:
    """Widths add up to all of it; a part of nothing is not drawn, and nothing at all is one empty bar."""
    figure = str(share_bar([Part("full", 1, ""), Part("drop", 0, ""), Part("cookieless", 2, "")], "name"))
    widths = [float(one) for one in re.findall(r'<rect[^>]* width="([\d.]+)%"', figure)]
    assert len(widths) == 2
    assert sum(widths) == pytest.approx(100, abs=0.1)
    assert 'class="part none"' in str(share_bar([Part("full", 0, "")], "name"))
