"""Didomi's cookie, as browsers send it."""

import base64
import json
from urllib.parse import quote

from proxy.sources.cmp import name_signals
from tests.support.banner_cookies import UNREADABLE, Sample, check, table

AT = 1_795_330_800_000
TC = "CQuFeUAQuFeUAEsABAENCWFgAAAAAAAAABpwAAAAAAAA.IIzQBAF5gMZAZIBGYAAA.YAAAAAAAAAAA"
ADS = ["cookies", "measure_ad_performance", "create_ads_profile", "select_personalized_ads"]


def token(
    enabled: list[str], disabled: list[str], vendors: list[str] | None = None, **changes: object
) -> str:
    """Write the cookie as Didomi's script does."""
    said: dict[str, object] = {
        "user_id": "19b2f3c4-aaaa-6bbb-8ccc-0123456789ab",
        "created": "2026-11-20T07:00:00.000Z",
        "updated": "2026-11-22T07:00:00.000Z",
        "vendors": {"enabled": ["twitter"], "disabled": vendors or []},
        "purposes": {"enabled": enabled, "disabled": disabled},
        "vendors_li": {"enabled": ["google"]},
        "purposes_li": {"enabled": ["measure_ad_performance"]},
        "version": 2,
    }
    return base64.b64encode(json.dumps({**said, **changes}).encode()).decode()


def one(value: str) -> tuple[tuple[str, str], ...]:
    """Return the cookie."""
    return (("didomi_token", value),)


ID = "19b2f3c4-aaaa-6bbb-8ccc-0123456789ab"
ALL = token([*ADS, "analytics-G4Fw3bTd"], [])
NONE = token([], [*ADS, "analytics-G4Fw3bTd"])


@table(
    Sample("all accepted", one(ALL), "gggg", AT, ID),
    Sample("all refused", one(NONE), "dddd", AT, ID),
    Sample(
        "refused, with no list of what is enabled",
        one(token([], [], purposes={"disabled": ADS})),
        "uddd",
        AT,
        ID,
    ),
    Sample("TCF's purposes alone never mean statistics", one(token(ADS, [])), "uggg", AT, ID),
    Sample("storage and measuring, no profile", one(token(ADS[:2], ADS[2:])), "uggd", AT, ID),
    Sample("a profile, but nothing personal from it", one(token(ADS[:3], ADS[3:])), "uggd", AT, ID),
    Sample("no storage", one(token(ADS[1:], ADS[:1])), "uddg", AT, ID),
    Sample("measuring not asked for", one(token(["cookies"], [])), "uguu", AT, ID),
    Sample(
        "the site's own purposes",
        one(token(["audience_measurement"], ["marketing-a1B2c3D4"])),
        "gddd",
        AT,
        ID,
    ),
    Sample("a purpose in both lists", one(token(ADS, ["cookies"])), "uddg", AT, ID),
    Sample("Google refused as a vendor", one(token([*ADS, "analytics"], [], ["google"])), "gddd", AT, ID),
    Sample(
        "Google Analytics refused as a vendor",
        one(token([*ADS, "analytics"], [], ["c:googleana-4TXnJigR"])),
        "dggg",
        AT,
        ID,
    ),
    Sample("not answered", one(token([], [], purposes=None, vendors=None)), "uuuu", None, ID),
    Sample("no cookie: not answered", (("_ga", "1"),), "uuuu"),
    Sample("with a TC string", (*one(NONE), ("euconsent-v2", TC)), "dddd", AT, ID, TC),
    Sample("padding escaped", one(quote(ALL, safe="")), "gggg", AT, ID),
    Sample("without padding", one(NONE.rstrip("=")), "dddd", AT, ID),
    Sample("twice, and they differ", one(ALL) + one(NONE), UNREADABLE),
    Sample("cut off", one(ALL[:-40]), UNREADABLE),
    Sample("not base64", one("{}!"), UNREADABLE),
    Sample("base64 of something else", one(base64.b64encode(b"hello").decode()), UNREADABLE),
    Sample("a list that is a text", one(token([], [], purposes={"enabled": "cookies"})), UNREADABLE),
    Sample("purposes that are a list", one(token([], [], purposes=["cookies"])), UNREADABLE),
    Sample("decided tomorrow", one(token(ADS, [], updated="2026-11-24T07:00:00Z")), UNREADABLE),
)
def test_didomi(sample: Sample) -> None:
    """TCF's purposes count as Google maps them, the site's own by their names, and refusals before grants."""
    check("didomi", sample)


def test_a_site_names_its_purposes() -> None:
    """What a site calls its purposes replaces the usual names; TCF's keep their meaning."""
    sample = Sample("", one(token([*ADS, "besoeg-a1B2c3D4"], ["analytics"])), "gggg", AT, ID)
    check("didomi", sample, names=name_signals(("besoeg",), ()))
