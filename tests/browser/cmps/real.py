"""Consent platforms as their makers publish them, each on a page of the shop, and what a visitor can do there."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.support.website import Website

NAMES = ("analytics_storage", "ad_storage", "ad_user_data", "ad_personalization")
_WORDS = {"g": "granted", "d": "denied"}
PAGE = """<!doctype html><html lang="en"><head><title>Shop</title>{head}</head><body>
<h1>Shop</h1><button id="nothing" type="button">Nothing</button></body></html>"""
LOADER = '<script src="/s/sayso.js"{data}></script>'


def signals(code: str) -> dict[str, str]:
    """Return the four signals by name, from letters (``g``, ``d``; ``u``: not stated)."""
    return {name: _WORDS[letter] for name, letter in zip(NAMES, code, strict=True) if letter != "u"}


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform: what stands in its page's head, its files, and the answers.

    ``scripts`` are paths below ``node_modules`` by the paths at which they are served; ``bundle`` is a file of ``pages``.
    ``accept``, ``refuse`` and ``some`` (statistics only) are selectors to click, one after the other. ``withdraw`` is a
    script that takes everything back by the platform's own API. ``stated`` says what ``some`` comes to. ``dated``: the
    platform tells later pages when it was decided. ``reloads``: it reloads the page by itself after a withdrawal.
    ``ready``: a selector of what is there once its buttons work.
    """

    name: str
    head: str
    scripts: dict[str, str]
    accept: tuple[str, ...]
    refuse: tuple[str, ...]
    some: tuple[str, ...]
    withdraw: str
    bundle: str = ""
    data: str = ""
    stated: str = "gddd"
    accepted: str = "gggg"
    refused: str = "dddd"
    dated: bool = False
    reloads: bool = False
    ready: str = "body"

    def put(
        self, site: Website, module_file: Callable[[str], bytes], bundled: Callable[[str], bytes], order: str
    ) -> None:
        """Put up the shop, and a second page of it. ``order``: of each, is the loader ``first`` or ``last``."""
        for path, file in self.scripts.items():
            media = "text/css" if path.endswith(".css") else "text/javascript; charset=utf-8"
            site.put(path, module_file(file), media=media)
        if self.bundle:
            site.put("/cmp.js", bundled(self.bundle), media="text/javascript")
        loader = LOADER.format(data=f" {self.data}" if self.data else "")
        for path, place in zip(("/", "/second"), order.split(), strict=True):
            head = loader + self.head if place == "first" else self.head + loader
            site.put(path, PAGE.format(head=head))


VANILLA = Platform(
    "vanilla_cookieconsent",
    """<link rel="stylesheet" href="/cc.css"><script src="/cc.js"></script><script>
document.addEventListener("DOMContentLoaded", () => CookieConsent.run({
  hideFromBots: false,
  guiOptions: {consentModal: {layout: "box"}},
  categories: {necessary: {enabled: true, readOnly: true}, analytics: {services: {ga: {label: "GA"}}}, marketing: {}},
  language: {default: "en", translations: {en: {
    consentModal: {title: "Cookies?", acceptAllBtn: "Yes", acceptNecessaryBtn: "No", showPreferencesBtn: "More"},
    preferencesModal: {title: "More", acceptAllBtn: "All", acceptNecessaryBtn: "None", savePreferencesBtn: "Save",
      closeIconLabel: "Close", sections: [{title: "Statistics", linkedCategory: "analytics"}]}}}},
}));</script>""",
    {
        "/cc.js": "vanilla-cookieconsent/dist/cookieconsent.umd.js",
        "/cc.css": "vanilla-cookieconsent/dist/cookieconsent.css",
    },
    accept=(".cm__btn[data-role=all]",),
    refuse=(".cm__btn[data-role=necessary]",),
    some=(".cm__btn[data-role=show]", ".section__toggle[value=analytics]", ".pm__btn[data-role=save]"),
    withdraw="CookieConsent.acceptCategory(['necessary'])",
    dated=True,
)
_KLARO = """<script>window.klaroConfig = {{
  version: 1, mustConsent: false, acceptAll: true, noticeAsModal: false, lang: "en", privacyPolicy: "/privacy",
  services: [{{name: "{statistics}", title: "Statistics", purposes: ["analytics"]}},
    {{name: "{ads}", title: "Ads", purposes: ["marketing"]}}, {{name: "chat", purposes: ["functional"]}}],
}};</script><script defer src="/klaro.js"></script>"""
KLARO = Platform(
    "klaro",
    _KLARO.format(statistics="google-analytics", ads="meta-pixel"),
    {"/klaro.js": "klaro/dist/klaro.js"},
    accept=(".cm-btn-success",),
    refuse=(".cn-decline",),
    some=(".cm-link", "label[for=purpose-item-analytics]", ".cm-btn-accept"),
    withdraw="klaro.getManager().changeAll(false); klaro.getManager().saveAndApplyConsents()",
)
NAMED = Platform(
    "klaro",
    _KLARO.format(statistics="Stat & Analyse", ads="Annonser på nett"),
    {"/klaro.js": "klaro/dist/klaro.js"},
    accept=(".cm-btn-success",),
    refuse=(".cn-decline",),
    some=(".cm-link", "label[for=purpose-item-analytics]", ".cm-btn-accept"),
    withdraw="klaro.getManager().changeAll(false); klaro.getManager().saveAndApplyConsents()",
    data='data-statistics="stat-analyse" data-marketing="annonser_på_nett, other"',
)
OREJIME = Platform(
    "orejime",
    """<link rel="stylesheet" href="/orejime.css"><script>window.orejimeConfig = {privacyPolicyUrl: "/privacy", purposes: [
  {id: "analytics", title: "Statistics"}, {id: "marketing", title: "Ads"}, {id: "chat", title: "Chat"}]};</script>
<script defer src="/orejime.js"></script>""",
    {
        "/orejime.js": "orejime/dist/orejime-standard-en.js",
        "/orejime.css": "orejime/dist/orejime-standard.css",
    },
    accept=(".orejime-Button--save",),
    refuse=(".orejime-Button--decline",),
    some=(
        ".orejime-Button--info",
        "label[for=orejime-purpose-analytics]",
        ".orejime-Modal .orejime-Button--save",
    ),
    withdraw="orejime.manager.declineAll()",
)
TARTEAUCITRON = Platform(
    "tarteaucitron",
    """<script src="/tac/tarteaucitron.js"></script><script>
tarteaucitron.init({privacyUrl: "", bodyPosition: "bottom", orientation: "bottom", showIcon: false, showAlertSmall: false,
  cookieslist: false, DenyAllCta: true, AcceptAllCta: true, highPrivacy: true, googleConsentMode: false,
  bingConsentMode: false, removeCredit: true, adblocker: false, serverSide: true, partnersList: false});
tarteaucitron.user.gtagUa = "G-SHOP1"; tarteaucitron.user.facebookpixelId = "1";
tarteaucitron.job = ["gtag", "facebookpixel"];
tarteaucitron.events.load = () => { document.body.id = "works"; };
</script>""",
    {
        "/tac/tarteaucitron.js": "tarteaucitronjs/tarteaucitron.js",
        "/tac/tarteaucitron.services.js": "tarteaucitronjs/tarteaucitron.services.js",
        "/tac/advertising.js": "tarteaucitronjs/advertising.js",
        "/tac/lang/tarteaucitron.en.js": "tarteaucitronjs/lang/tarteaucitron.en.js",
        "/tac/css/tarteaucitron.css": "tarteaucitronjs/css/tarteaucitron.css",
    },
    accept=("#tarteaucitronPersonalize2",),
    refuse=("#tarteaucitronAllDenied2",),
    some=("#tarteaucitronCloseAlert", "#gtagAllowed", "#facebookpixelDenied"),
    withdraw="tarteaucitron.userInterface.respondAll(false)",
    ready="#works",
)
TCF = Platform(
    "tcf",
    '<script src="/cmp.js"></script>',
    {},
    accept=("#yes",),
    refuse=("#no",),
    some=("#some",),
    withdraw="cmp.refuse()",
    bundle="tcf.js",
    accepted="uggg",
    stated="ugdd",
)
C15T = Platform(
    "c15t",
    '<script src="/cmp.js"></script>',
    {},
    accept=("#yes",),
    refuse=("#no",),
    some=("#some",),
    withdraw="cmp.refuse()",
    bundle="c15t.js",
    dated=True,
    reloads=True,
)
PLATFORMS = (VANILLA, KLARO, NAMED, OREJIME, TARTEAUCITRON, TCF, C15T)
IDS = ("vanilla", "klaro", "klaro, names of the site's own", "orejime", "tarteaucitron", "tcf", "c15t")
