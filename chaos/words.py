"""The words of the campaign: forwarders, signals, and in which mode an event may have reached a vendor."""

from enum import StrEnum

SITE = "shop"
ORIGIN = "https://shop.example"

SIGNALS = ("analytics_storage", "ad_storage", "ad_user_data", "ad_personalization")
"""In the order in which a state's four letters stand: g granted, d denied, u unknown."""


class Vendor(StrEnum):
    """The four forwarders of the shop, by their names in configuration and metrics."""

    GA = "google_analytics"
    ADS = "google_ads"
    META = "meta"
    MICROSOFT = "microsoft"


class Fate(StrEnum):
    """What may become of an event at one forwarder."""

    FULL = "full"
    PING = "cookieless"
    DROP = "drop"
    GONE = "withdrawn"
    """Taken back while it waited."""


NEEDS: dict[Vendor, tuple[int, ...]] = {
    Vendor.GA: (0,),
    Vendor.ADS: (1, 2),
    Vendor.META: (1, 2, 3),
    Vendor.MICROSOFT: (1, 2, 3),
}
"""Which of the four signals a full event needs (contract, section 6, preset ``consent-mode``)."""

HAS_PING = frozenset({Vendor.GA, Vendor.ADS})
