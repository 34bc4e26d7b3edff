"""No name that a stranger chose becomes a part of the page: read by an HTML parser, it is text wherever it stands."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.dashboard.known import Known, Refusals, Standing
from proxy.dashboard.page import dashboard_page, login_page, mistake_page
from proxy.dashboard.view import make_view
from proxy.delivery.backoff import State
from proxy.delivery.states import LinkState
from proxy.report.model import CampaignCount, Funnel
from tests.support.made_up_report import MadeUp, asking

MARK = "hostilemark"
NASTY = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title><svg onload=alert(1)>",
    "javascript:alert(1)",
    "{{ 7 * 7 }}",
    "]]><!--",
    "&lt;b&gt;",
    "%s %n {0} {site}",
    "\u202e\u0000\ufeff",
    "</text></svg><script>x</script>",
]


class Skeleton(HTMLParser):
    """What a page is made of, besides text: tags and names of attributes; and every address in it."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.addresses: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag."""
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src", "action", "data"}]

    def handle_data(self, data: str) -> None:
        """Keep text."""
        self.text.append(data)


def read(page: str) -> Skeleton:
    """Read a page."""
    found = Skeleton()
    found.feed(page)
    found.close()
    return found


def filled(name: str) -> Known:
    """Return what is known of a shop where everything that others name has that name."""
    known = MadeUp().now(asking(site="ullvik", period="7d"))
    campaigns = [
        CampaignCount(name, name, name, known.report.conversions - 10, {name[:3]: 1}, 10),
        CampaignCount("plain", "x", name, 10, {}, 0),
    ]
    funnels = [Funnel(name, 20, keys={name: 9}), *known.report.funnels]
    standing = Standing(
        store=name,
        states=[LinkState("ullvik", "meta", State.FAILING, name, 1)],
        refusals={"meta": Refusals([(name, 3)], 3)},
    )
    report = replace(known.report, campaigns=tuple(campaigns), funnels=tuple(funnels))
    return replace(known, report=report, standing=standing)


def page_with(name: str) -> str:
    """Write the page."""
    question = asking(site="ullvik", period="7d", source=name) if len(name) > 20 else asking(period="7d")
    return dashboard_page(make_view(filled(name), question), "en", "")


PLAIN = {long: read(page_with(MARK * (3 if long else 1))) for long in (False, True)}


def assert_only_text(name: str) -> None:
    """Fail if the page with that name is made otherwise than the page with a harmless one."""
    found, plain = read(page_with(name)), PLAIN[len(name) > 20]
    assert found.tags == plain.tags
    assert all(one.startswith(("/dashboard", "#")) for one in found.addresses)


@pytest.mark.parametrize("name", NASTY)
def test_a_hostile_name_is_text(name: str) -> None:
    """It adds no tag and no attribute, and no address leads elsewhere."""
    assert_only_text(name)


@settings(max_examples=30, deadline=None)
@given(st.text(alphabet=st.sampled_from("<>\"'&/=;`{}%\\ \x00\u2028aé"), min_size=1, max_size=19))
def test_any_name_is_text(name: str) -> None:
    """The same for whatever else could mean something in HTML, SVG or a template."""
    assert_only_text(name)


def test_no_script_is_on_any_page() -> None:
    """There is nothing to run, nothing from elsewhere, and no style that the policy would refuse."""
    languages = [("en", "English", "/dashboard?lang=en", True)]
    pages = [
        page_with("x"),
        login_page("nb", "c", '/dashboard?"><script>', "wrong", languages),
        mistake_page("nb", "<script>", "/dashboard"),
    ]
    for page in pages:
        tags = read(page).tags
        assert not {tag for tag, _ in tags} & {"script", "style", "iframe", "object", "embed", "base"}
        names = {name for _, attributes in tags for name in attributes}
        assert "style" not in names
        assert not [name for name in names if name.startswith("on")]
