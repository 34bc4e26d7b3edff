"""OneTrust's cookies, as browsers send them."""

from urllib.parse import quote

from proxy.sources.cmp import name_signals
from tests.support.banner_cookies import UNREADABLE, Sample, check, table

CLOSED_AT = 1_795_330_800_000
CLOSED = ("OptanonAlertBoxClosed", "2026-11-22T07:00:00.000Z")
ID = "9a25157e-0168-42df-bcc7-17ff690f197b"
TC = "CQuFeUAQuFeUAEsABAENCWFgAAAAAAAAABpwAAAAAAAA.IIzQBAF5gMZAZIBGYAAA.YAAAAAAAAAAA"


def cookie(groups: str, *, landing: str = "NotLandingPage", kind: str = "6", awaiting: str = "false") -> str:
    """Write the cookie as OneTrust's script does."""
    return (
        "isGpcEnabled=0&datestamp=Thu+Jan+22+2026+15%3A26%3A49+GMT%2B0100+(Central+European+Standard+Time)"
        "&version=202512.1.0&browserGpcFlag=0&isIABGlobal=false&hosts="
        f"&consentId={ID}&interactionCount=1&landingPath={quote(landing, safe='')}"
        f"&groups={quote(groups, safe='')}&intType={kind}&AwaitingReconsent={awaiting}"
    )


def answered(groups: str, **how: str) -> tuple[tuple[str, str], ...]:
    """Return the cookie beside the one that says that the banner was closed."""
    return (("OptanonConsent", cookie(groups, **how)), CLOSED)


ALL = "C0001:1,C0002:1,C0003:1,C0004:1,C0005:1,V2STACK42:1"
NONE = "C0001:1,C0002:0,C0003:0,C0004:0,C0005:0,V2STACK42:0"
PARTLY = "C0001:1,C0002:1,C0003:0,C0004:0"


@table(
    Sample("all accepted", answered(ALL, kind="1"), "gggg", CLOSED_AT, ID),
    Sample("all refused", answered(NONE, kind="2"), "dddd", None, ID),
    Sample("statistics only", answered(PARTLY), "gddd", None, ID),
    Sample("statistics only, closed at last", answered(PARTLY, kind="3"), "gddd", None, ID),
    Sample("groups in another order", answered("BG82:1,C0004:0,C0003:1,C0002:1,C0001:1"), "gddd", None, ID),
    Sample("older tenant", answered("1:1,2:1,3:1,4:0,0_12345:1"), "gddd", None, ID),
    Sample("a tenant's own groups", answered("C0001:1,SPD_BG:1"), "uuuu", None, ID),
    Sample("not answered, defaults granted", (("OptanonConsent", cookie(ALL)),), "uuuu"),
    Sample("not answered, defaults refused", (("OptanonConsent", cookie(NONE)),), "uuuu"),
    Sample(
        "answered by a button, and no other cookie",
        (("OptanonConsent", cookie(ALL, kind="1")),),
        "gggg",
        None,
        ID,
    ),
    Sample(
        "closed by the cross, and no other cookie",
        (("OptanonConsent", cookie(PARTLY, kind="3")),),
        "gddd",
        None,
        ID,
    ),
    Sample(
        "a button, but no interaction",
        (("OptanonConsent", cookie(ALL, kind="1").replace("interactionCount=1", "interactionCount=0")),),
        "uuuu",
    ),
    Sample("still on the page of entry", answered(ALL, landing="https://shop.example/x?y=1"), "uuuu"),
    Sample("to be asked again", answered(ALL, awaiting="true"), "uuuu"),
    Sample("closed by the cross, nothing refused", answered(ALL, kind="3"), "uuuu", None, ID),
    Sample("the closed banner's cookie alone", (CLOSED,), "uuuu"),
    Sample(
        "with a TC string",
        (*answered(NONE, kind="2"), ("eupubconsent-v2", TC), ("OTAdditionalConsentString", "2~~dv.1.2")),
        "dddd",
        None,
        ID,
        TC,
        "2~~dv.1.2",
    ),
    Sample("escaped twice", (("OptanonConsent", quote(cookie(ALL), safe="")), CLOSED), "gggg", CLOSED_AT, ID),
    Sample("twice, and they differ", (*answered(ALL), *answered(NONE)), UNREADABLE),
    Sample(
        "closed twice", (*answered(ALL), ("OptanonAlertBoxClosed", "2026-11-21T07:00:00.000Z")), UNREADABLE
    ),
    Sample(
        "closed at no time", (("OptanonConsent", cookie(ALL)), ("OptanonAlertBoxClosed", "yes")), UNREADABLE
    ),
    Sample(
        "closed tomorrow",
        (("OptanonConsent", cookie(ALL)), ("OptanonAlertBoxClosed", "2026-11-24T07:00:00Z")),
        UNREADABLE,
    ),
    Sample("a state that is none", answered("C0001:1,C0002:2"), UNREADABLE),
    Sample("a group twice", answered("C0001:1,C0002:0,C0002:1"), UNREADABLE),
    Sample(
        "cut off within the groups",
        (("OptanonConsent", cookie(ALL).split("%2CC0004")[0] + "%2CC00"), CLOSED),
        UNREADABLE,
    ),
    Sample(
        "cut off before the groups", (("OptanonConsent", cookie(ALL).split("&groups")[0]), CLOSED), UNREADABLE
    ),
    Sample("groups twice", (("OptanonConsent", cookie(NONE) + "&groups=C0002%3A1"), CLOSED), UNREADABLE),
    Sample("something else", (("OptanonConsent", "true"), CLOSED), UNREADABLE),
)
def test_onetrust(sample: Sample) -> None:
    """The cookie is there before any answer; it counts from the moment the banner was answered."""
    check("onetrust", sample)


def test_a_tenants_own_groups_can_be_named() -> None:
    """Group ids are configurable; a site that changed them says which mean what."""
    sample = Sample("", answered("C0001:1,SPD_BG:1,C0002:0", kind="6"), "uggg", CLOSED_AT, ID)
    check("onetrust", sample, names=name_signals((), ("SPD_BG",)))
