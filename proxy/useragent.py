"""User agent, language and screen, reduced until they fit too many visitors to tell one by. Pure."""

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

from ua_parser import Domain, load_lazy_builtins
from ua_parser.regex import Resolver

_MAX_LENGTH = 1024
_WANTED = Domain.USER_AGENT | Domain.OS
OTHER: Final = "Other"
_IOS_VIEW: Final = "Mobile Safari UI/WKWebView"

# Systems as ua-parser calls them, to the closed list that leaves.
_SYSTEMS: Final = {
    "Windows": "Windows",
    "Mac OS X": "Mac OS X",
    "iOS": "iOS",
    "Android": "Android",
    "Linux": "Linux",
    "Ubuntu": "Linux",
    "Debian": "Linux",
    "Fedora": "Linux",
    "Chrome OS": "Chrome OS",
}

# What each system's user agents say of it; versions are frozen, as the browsers themselves do by now.
_PLATFORMS: Final = {
    "Windows": "Windows NT 10.0; Win64; x64",
    "Mac OS X": "Macintosh; Intel Mac OS X 10_15_7",
    "iOS": "iPhone; CPU iPhone OS 18_0 like Mac OS X",
    "Android": "Linux; Android 10; K",
    "Linux": "X11; Linux x86_64",
    "Chrome OS": "X11; CrOS x86_64 14541.0.0",
}
_KHTML = "(KHTML, like Gecko)"
_CHROMIUM = (
    f"Mozilla/5.0 ({{platform}}) AppleWebKit/537.36 {_KHTML} Chrome/{{engine}}.0.0.0 {{mobile}}Safari/537.36"
)
_WEBKIT = f"Mozilla/5.0 ({{platform}}) AppleWebKit/605.1.15 {_KHTML}"
_GECKO = "Mozilla/5.0 ({gecko}; rv:{major}.0) Gecko/20100101 Firefox/{major}.0"
_GECKO_PLATFORMS: Final = _PLATFORMS | {"Mac OS X": "Macintosh; Intel Mac OS X 10.15"}
# Browsers on top of Chromium carry its version too; one that ages with none of them.
_ENGINE = "130"

_DESKTOP: Final = ("Windows", "Mac OS X", "Linux", "Chrome OS")

# Family and the systems it exists on, to its template. Nothing else survives.
_TEMPLATES: Final[dict[tuple[str, str], str]] = {
    (family, system): template
    for family, systems, template in (
        ("Chrome", (*_DESKTOP, "Android"), _CHROMIUM.replace("{engine}", "{major}")),
        ("Chrome Mobile", ("Android",), _CHROMIUM.replace("{engine}", "{major}")),
        (
            "Chrome Mobile WebView",
            ("Android",),
            f"Mozilla/5.0 (Linux; Android 10; K; wv) AppleWebKit/537.36 {_KHTML} Version/4.0"
            " Chrome/{major}.0.0.0 {mobile}Safari/537.36",
        ),
        ("Chrome Mobile iOS", ("iOS",), f"{_WEBKIT} CriOS/{{major}}.0.0.0 Mobile/15E148 Safari/604.1"),
        ("Safari", ("Mac OS X",), f"{_WEBKIT} Version/{{major}}.0 Safari/605.1.15"),
        ("Mobile Safari", ("iOS",), f"{_WEBKIT} Version/{{major}}.0 Mobile/15E148 Safari/604.1"),
        (_IOS_VIEW, ("iOS",), f"{_WEBKIT} Mobile/15E148"),
        ("Firefox", ("Windows", "Mac OS X", "Linux"), _GECKO),
        (
            "Firefox Mobile",
            ("Android",),
            "Mozilla/5.0 (Android 10; {device}; rv:{major}.0) Gecko/{major}.0 Firefox/{major}.0",
        ),
        ("Firefox iOS", ("iOS",), f"{_WEBKIT} FxiOS/{{major}}.0 Mobile/15E148 Safari/605.1.15"),
        ("Edge", _DESKTOP, _CHROMIUM.replace("{engine}", "{major}") + " Edg/{major}.0.0.0"),
        ("Edge Mobile", ("Android",), _CHROMIUM.replace("{engine}", "{major}") + " EdgA/{major}.0.0.0"),
        (
            "Edge Mobile",
            ("iOS",),
            f"{_WEBKIT} Version/18.0 EdgiOS/{{major}}.0.0.0 Mobile/15E148 Safari/604.1",
        ),
        ("Opera", _DESKTOP, _CHROMIUM + " OPR/{major}.0.0.0"),
        ("Opera Mobile", ("Android",), _CHROMIUM + " OPR/{major}.0.0.0"),
        (
            "Samsung Internet",
            ("Android",),
            f"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 {_KHTML} SamsungBrowser/{{major}}.0"
            f" Chrome/{_ENGINE}.0.0.0 {{mobile}}Safari/537.36",
        ),
    )
    for system in systems
}

# Apps and lesser browsers that show pages in Android's web view: what matters is the view.
_IN_APP: Final = frozenset(
    "Facebook Instagram Google LinkedIn Pinterest Snapchat TikTok Twitter MiuiBrowser".split()
)
_ANDROID_CHROME: Final = frozenset({"Chrome", "Chrome Mobile"})
_CHROME_VERSION = re.compile(r"Chrome/([0-9]{1,3})\.")
_MAJOR = re.compile(r"[0-9]{1,3}")

# ISO 639-1, and the three-letter codes that browsers in northern Europe do send.
_LANGUAGES: Final = frozenset(
    "aa ab af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es"
    " et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg"
    " ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl"
    " nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv"
    " sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"
    " sma sme smj smn sms fil gsw".split()
)
_LANGUAGE = re.compile(r"[ \t]*([A-Za-z]{2,3})(?=[-_,; \t]|$)")
_SCREEN = re.compile(r"([0-9]{3,5})[xX]([0-9]{3,5})")


@dataclass(frozen=True, slots=True)
class Browser:
    """What is left of a user agent.

    Attributes:
        family: a popular browser by ua-parser's name for it, or ``Other``.
        major: its major version, digits; empty for ``Other`` and for the web view of iOS, which has none.
        os: ``Windows``, ``Mac OS X``, ``iOS``, ``Android``, ``Linux``, ``Chrome OS`` or ``Other``.
        mobile: whether it is on iOS, or on Android and not a tablet.
    """

    family: str
    major: str
    os: str
    mobile: bool


@cache
def _resolver() -> Resolver:
    # Devices are never asked for, and their patterns are most of the memory and of the time this takes.
    browsers, systems, _ = load_lazy_builtins()
    return Resolver((browsers, systems, []))


def warm_up() -> None:
    """Compile the patterns, 0.2 s, before the first request needs them."""
    _resolver()


def reduce_user_agent(raw: str) -> Browser:
    """Reduce a User-Agent header to family, major version and system from closed lists.

    Args:
        raw: the header; all but its first 1024 characters are ignored.
    """
    return _reduce(raw[:_MAX_LENGTH])


@lru_cache(maxsize=4096)
def _reduce(raw: str) -> Browser:
    found = _resolver()(raw, _WANTED)
    system = _SYSTEMS.get(found.os.family, OTHER) if found.os else OTHER
    family, major = (
        (found.user_agent.family, found.user_agent.major or "") if found.user_agent else (OTHER, "")
    )
    mobile = system == "iOS" or (system == "Android" and "Mobi" in raw)
    if family in _IN_APP and system == "Android" and (chrome := _CHROME_VERSION.search(raw)) is not None:
        family, major = "Chrome Mobile WebView", chrome[1]
    elif family in _ANDROID_CHROME and system == "Android":
        family = "Chrome Mobile" if mobile else "Chrome"  # whatever odd place its user agent says Mobile in
    template = _TEMPLATES.get((family, system))
    if template is not None and family != _IOS_VIEW and _MAJOR.fullmatch(major) is not None:
        return Browser(family, major, system, mobile)
    # Every browser and app on iOS shows pages in the system's own web view, which has no version of its own.
    return Browser(_IOS_VIEW if system == "iOS" else OTHER, "", system, mobile)


@lru_cache(maxsize=4096)
def rebuild(browser: Browser) -> str:
    """Write a User-Agent of this family, major version and system that vendors parse as just that.

    What was not known is not invented: an unknown browser gives its system alone, an unknown system ``Mozilla/5.0``.
    """
    template = _TEMPLATES.get((browser.family, browser.os))
    if template is None:
        platform = _PLATFORMS.get(browser.os)
        known = f"Mozilla/5.0 ({platform})" if platform else "Mozilla/5.0"
        return f"{known} Mobile" if browser.mobile else known
    return template.format(
        platform=_PLATFORMS[browser.os],
        gecko=_GECKO_PLATFORMS[browser.os],
        major=browser.major,
        engine=_ENGINE,
        mobile="Mobile " if browser.mobile else "",
        device="Mobile" if browser.mobile else "Tablet",
    )


def primary_language(tag_or_header: str) -> str | None:
    """Return the primary subtag of a language tag, or of the first in an Accept-Language header: ``nb-NO`` is ``nb``.

    None if it is not a language known to ISO 639-1 (or one of a few more): a made-up one would be an id.
    """
    found = _LANGUAGE.match(tag_or_header)
    if found is None:
        return None
    language = found[1].lower()
    return language if language in _LANGUAGES else None


def screen_bucket(size: str) -> str | None:
    """Return one of three sizes that stands for a phone, a tablet or a computer, None for anything but a size.

    Args:
        size: ``WIDTHxHEIGHT`` in CSS pixels, either way up.
    """
    found = _SCREEN.fullmatch(size)
    if found is None:
        return None
    short, long = sorted((int(found[1]), int(found[2])))
    if short < 100:
        return None
    if short < 600:
        return "390x844"
    return "1024x768" if long < 1280 else "1920x1080"
