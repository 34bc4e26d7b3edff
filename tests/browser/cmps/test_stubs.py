"""Consent platforms that cannot be had here, by stand-ins that keep and announce answers as their makers document it."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.cmps.real import LOADER, PAGE, signals
from tests.browser.cmps.test_real_platforms import bodies, held, told
from tests.support.website import Website, until

pytestmark = pytest.mark.browser
STUBS = Path(__file__).parent / "stubs"
NAMES = sorted(file.stem for file in STUBS.glob("*.js"))
BARE = '<script src="/stub.js"></script>'
# Its US sections state opt-outs only: a visitor who has none has not consented either.
ALL, STATISTICS, NONE = {"gpp": "uuuu"}, {"gpp": "uddd"}, {"gpp": "uddd"}


def put(site: Website, stub: str, first: str, second: str) -> None:
    """Put up two pages: the loader stands before or after the platform."""
    site.put("/stub.js", (STUBS / f"{stub}.js").read_bytes(), media="text/javascript")
    loader = LOADER.format(data="")
    for path, order in (("/", first), ("/second", second)):
        head = loader + BARE if order == "before" else BARE + loader
        site.put(path, PAGE.format(head=head))


def statement(stub: str, code: str) -> list[dict[str, Any]]:
    """Return the one body that is posted of these signals; none where there is nothing to say."""
    if code == "uuuu":
        return []
    return [{**signals(code), "source": stub.partition("_v")[0]}]


@pytest.mark.parametrize("stub", NAMES)
def test_accepted_withdrawn_and_refused(stub: str, site: Website, page: Page) -> None:
    """Nothing before an answer; then once per page and per change, whichever loads first; a withdrawal before a reload."""
    put(site, stub, "before", "after")
    page.goto(site.url("/"))
    page.wait_for_function("document.readyState == 'complete'")
    page.click("#nothing")
    page.goto(site.url("/"))
    page.wait_for_function("document.readyState == 'complete'")
    assert bodies(site) == []
    # (A function that a script ends with, playwright would call.)
    answer = "void (document.getElementById('nothing').onclick = () => stub({}, {}))"
    page.evaluate(answer.format("true", "true"))
    page.click("#nothing")
    yes = statement(stub, ALL.get(stub, "gggg"))
    no = statement(stub, NONE.get(stub, "dddd"))
    assert told(site, page, len(yes)) == yes
    page.goto(site.url("/second"))
    assert told(site, page, 2 * len(yes)) == yes + yes
    page.wait_for_function("document.readyState == 'complete'")
    # By no click, and the page goes at once.
    page.evaluate("stub(false, false); location.reload()")
    found = told(site, page, 2 * len(yes) + 2)
    assert found[: 2 * len(yes)] == yes + yes
    assert found[2 * len(yes) :] in (no + no, no + no + no)
    assert held(page) == signals(NONE.get(stub, "dddd"))


@pytest.mark.parametrize("stub", NAMES)
def test_statistics_only(stub: str, site: Website, page: Page) -> None:
    """Part of it, and the same on a later page, which the platform's own script comes to only after us."""
    put(site, stub, "after", "before")
    page.goto(site.url("/"))
    page.wait_for_function("document.readyState == 'complete'")
    page.evaluate("void (document.getElementById('nothing').onclick = () => stub(true, false))")
    page.click("#nothing")
    some = statement(stub, STATISTICS.get(stub, "gddd"))
    until(lambda: bodies(site) and site.to("consent")[-1].status, page)
    page.goto(site.url("/second"))
    until(lambda: len(bodies(site)) > 1 and site.to("consent")[-1].status, page)
    assert bodies(site) == some + some
    assert held(page) == signals(STATISTICS.get(stub, "gddd"))


# What a platform keeps, it keeps elsewhere than in its cookie: its API and its events are all there is.
APART = """((document) => {%s})(new Proxy(document, {
  get: (it, name) => (name === "cookie" ? Object.entries(JSON.parse(localStorage.apart || "{}")).map((one) => one.join("=")).join("; ")
    : typeof it[name] === "function" ? it[name].bind(it) : it[name]),
  set: (it, name, text) => {
    const [, key, value] = /^(.*?)=([^;]*)/.exec(text);
    localStorage.apart = JSON.stringify({...JSON.parse(localStorage.apart || "{}"), [key]: value});
    return name === "cookie";
  },
}));"""
SPOKEN = [stub for stub in NAMES if stub != "gpp" and not stub.startswith("usercentrics")]


def open_unanswered(site: Website, page: Page) -> None:
    """Open the shop and click beside the banner: an event goes out, and no statement."""
    page.goto(site.url("/"))
    page.wait_for_function("document.readyState == 'complete' && !!_sayso.anew")
    page.click("#nothing")
    page.evaluate("void dataLayer.push({event: 'asked'})")
    until(lambda: site.events("asked"), page)
    assert bodies(site) == []


@pytest.mark.parametrize("stub", SPOKEN)
def test_without_its_cookie_it_is_heard_by_its_api(stub: str, site: Website, page: Page) -> None:
    """Nothing before an answer; accepted, statistics only, remembered, and refused just before the page goes."""
    put(site, stub, "before", "after")
    site.put("/stub.js", APART % (STUBS / f"{stub}.js").read_text(encoding="utf-8"), media="text/javascript")
    open_unanswered(site, page)
    yes, some, no = (statement(stub, code) for code in ("gggg", "gddd", "dddd"))
    page.evaluate("stub(true, true)")
    assert told(site, page, 1) == yes
    page.evaluate("stub(true, false)")
    until(lambda: bodies(site)[-1] == some[0] and site.to("consent")[-1].status, page)
    first = len(bodies(site))
    page.goto(site.url("/second"))
    page.wait_for_function("document.readyState == 'complete'")
    # Without its cookie Complianz does not tell an answer of an earlier page from its defaults.
    if stub != "complianz":
        # (What was under way when the page went may be said once more.)
        assert all(body == some[0] for body in told(site, page, first + 1)[first:])
    page.evaluate("stub(false, false)")
    page.reload()
    until(lambda: bodies(site)[-1] == no[0] and site.to("consent")[-1].status, page)
    assert held(page) == signals("dddd")
    assert not [body for body in bodies(site)[first + 1 :] if body["ad_storage"] != "denied"]


ODD = """
window.Cookiebot = {hasResponse: "true", consent: {statistics: true, marketing: true}};
window.OneTrust = {IsAlertBoxClosed: () => true}; window.OnetrustActiveGroups = ["C0002", "C0004"];
window.CookieInformation = {getConsentGivenFor: () => "yes"};
window.Didomi = {getUserStatus() { throw new Error("not yet"); }, on() { throw new Error("never"); }};
window.getCkyConsent = () => ({isUserActionCompleted: true, categories: {analytics: 1, advertisement: "yes"}});
window.cmplz_has_consent = () => true;
window.CookieFirst = {consent: {performance: "true", advertising: 1}};
window._iub = {csConfiguration: {callback: null}, cs: {api: {getPreferences: () => ({purposes: {4: "true", 5: 1}})}}};
window.CookieConsent = {validConsent: () => 1, getCookie: () => ({categories: ["analytics", "marketing"]})};
window.tarteaucitron = {state: {gtag: "wait", facebookpixel: "wait"}};
window.orejime = {manager: {on() {}, isDirty: () => false, areAllPurposesMandatory: () => true, getAllConsents: () => ({ads: true})}};
"""


def test_apis_that_throw_or_say_odd_things_grant_nothing_and_silence_nobody(
    site: Website, page: Page
) -> None:
    """Only what is documented to be a grant is one; a refusal that can be read counts; the others are heard."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    site.put("/", PAGE.format(head=f"<script>{ODD}</script>{LOADER.format(data='')}"))
    open_unanswered(site, page)
    page.evaluate("tarteaucitron.state = {gtag: true, facebookpixel: 1, multiplegtag: false}")
    page.click("#nothing")
    assert told(site, page, 1) == [{"analytics_storage": "denied", "source": "tarteaucitron"}]
    page.evaluate(
        "void (window.klaro = {getManager: () => ({confirmed: true, consents: {ads: false}, watch() {}})})"
    )
    page.click("#nothing")
    assert told(site, page, 2)[1]["ad_storage"] == "denied"
    assert errors == []


BROKEN = (
    ("cc_cookie", "%7B%22categories%22%3A%5B%22analytics%22%2C%22ads%22%5D%7D", "%7B%22categories%22%3A%5B%22anal", "uuuu"),
    (
        "CookieInformationConsent",
        "%7B%22consents_approved%22%3A%5B%22cookie_cat_statistic%22%2C%22cookie_cat_marketing%22%5D%7D",
        "%7B%22consents_approved%22%3A%5B%22cookie_cat_statistic%22%5D%2C%22consents_denied%22%3A%5B%22cookie_cat_statistic%22%5D%7D",
        "duuu",
    ),
    ("klaro", "%7B%22ga%22%3Atrue%2C%22ads%22%3Atrue%7D", "%7B%22ga%22%3Afalse%2C%22ads%22%3Afalse%2C%22x%22%3A%22y%22%7D", "dddd"),
    ("klaro", "%7B%22ga%22%3Atrue%2C%22ads%22%3Atrue%7D", "", "uuuu"),
)  # fmt: skip


@pytest.mark.parametrize(("name", "good", "bad", "read"), BROKEN)
def test_a_grant_does_not_outlive_the_cookie_that_told_it(
    site: Website, page: Page, name: str, good: str, bad: str, read: str
) -> None:
    """Cut off, contradictory or gone: events go denied and without click ids; what can be read of it is stated, no more."""
    site.put("/", PAGE.format(head=LOADER.format(data="")))
    page.goto(site.url("/?gclid=of-a-click"))
    page.evaluate(f"document.cookie = '{name}={good}; path=/'")
    assert told(site, page, 1) == [{**signals("gggg"), "source": bodies(site)[0]["source"]}]
    page.evaluate(f"document.cookie = '{name}={bad}; path=/{'' if bad else '; max-age=0'}'")
    page.click("#nothing")
    page.evaluate("void dataLayer.push({event: 'purchase', value: 1})")
    until(lambda: site.events("purchase"), page)
    (event,) = site.events("purchase")
    assert event["consent"] == signals("dddd")
    assert "of-a-click" not in repr(event)
    stated = [{key: value for key, value in body.items() if key != "source"} for body in bodies(site)[1:]]
    assert all(body == signals(read) for body in stated)
    assert bool(stated) == (read != "uuuu")
    # Nor on the next page, while it is there.
    if bad:
        page.goto(site.url("/?gclid=of-a-click"))
        page.wait_for_function("!!_sayso.anew")
        page.evaluate("void dataLayer.push({event: 'generate_lead'})")
        until(lambda: site.events("generate_lead"), page)
        assert site.events("generate_lead")[0]["consent"] == signals("dddd")
