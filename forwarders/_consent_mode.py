"""Google's Consent Mode on the wire: ``gcs``, ``gcd``, ``npa``, ``dma``, ``dma_cps``, ``pscdl``. Pure, no settings.

Google documents the signals but not their encoding. ``gcd`` follows the public tag (build of 2024-08) and was compared
with strings that the tag really sent between 2024 and 2026. Widespread tables of its letters are wrong; the letters
here are computed, not looked up.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from proxy.regions import in_eea
from proxy.signals import Signals, Value

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"

# Every Google service that data may be shared with: Search, YouTube, Play, Shopping, Ads, Maps, others.
_ALL_SERVICES = "syphamo"


class Setting(IntEnum):
    """What one consent command said of one signal, as the two bits that ``gcd`` has for it."""

    UNSET = 1
    DENIED = 2
    GRANTED = 3


@dataclass(frozen=True, slots=True)
class Told:
    """All that a tag was told of one signal: by a declaration, by the default, and by an update after the choice."""

    default: Setting = Setting.UNSET
    update: Setting = Setting.UNSET
    declared: Setting = Setting.UNSET

    def letter(self) -> str:
        """Return the letter that ``gcd`` has for this."""
        return _ALPHABET[self.declared * 16 + self.default * 4 + self.update]


Four = tuple[Told, Told, Told, Told]
"""Of ``ad_storage``, ``analytics_storage``, ``ad_user_data``, ``ad_personalization``: the order in ``gcd``."""


def encode_gcd(
    told: Four,
    *,
    eea: bool,
    active: bool = True,
    personalised_ads: Setting = Setting.UNSET,
    tail: str = "l1",
) -> str:
    """Return the ``gcd`` of a tag that was told this.

    Args:
        told: what the tag was told of each signal, in Google's order.
        eea: whether the visitor is in the EEA, where Google itself presumes ``ad_personalization`` denied.
        active: whether consent mode is in use at all.
        personalised_ads: the older switch ``allow_ad_personalization_signals``. Its two bits differ from the others':
            on is 2, off is 3.
        tail: defaults of the container; tags before 2024 sent none.
    """
    presumed = ("3", "3", "3", "2" if eea else "3")
    pairs = "".join(digit + one.letter() for digit, one in zip(presumed, told, strict=True))
    switch = {Setting.UNSET: 1, Setting.GRANTED: 2, Setting.DENIED: 3}[personalised_ads]
    return f"1{pairs}{_ALPHABET[4 * active + switch]}{tail}"


def _told(value: Value, explicit: bool) -> Told:
    """Put a visitor's signal as a tag would have met it: denied by default, updated by the visitor's choice."""
    if not explicit:
        return Told(default=Setting.GRANTED if value is Value.GRANTED else Setting.DENIED)
    match value:
        case Value.GRANTED:
            return Told(default=Setting.DENIED, update=Setting.GRANTED)
        case Value.DENIED:
            return Told(default=Setting.DENIED, update=Setting.DENIED)
        case Value.UNKNOWN:
            return Told(default=Setting.DENIED)


def gcs(signals: Signals) -> str:
    """Return ``gcs``: ``G1``, then ``ad_storage`` and ``analytics_storage`` as 1 or 0. Unknown is denied by default."""
    ad = "1" if signals.ad_storage is Value.GRANTED else "0"
    analytics = "1" if signals.analytics_storage is Value.GRANTED else "0"
    return f"G1{ad}{analytics}"


def gcd(signals: Signals, *, explicit: bool, eea: bool) -> str:
    """Return ``gcd`` for a visitor's signals; ``explicit`` tells a choice from a mere default."""
    told = (
        _told(signals.ad_storage, explicit),
        _told(signals.analytics_storage, explicit),
        _told(signals.ad_user_data, explicit),
        _told(signals.ad_personalization, explicit),
    )
    return encode_gcd(told, eea=eea)


# 81 states, with and without a choice, inside and outside the EEA.
@lru_cache(maxsize=324)
def _pairs(signals: Signals, explicit: bool, eea: bool) -> tuple[tuple[str, str], ...]:
    shares = signals.ad_user_data is Value.GRANTED
    pairs = [
        ("gcs", gcs(signals)),
        ("gcd", gcd(signals, explicit=explicit, eea=eea)),
        ("npa", "0" if signals.ad_personalization is Value.GRANTED else "1"),
        ("dma", "1" if eea else "0"),
    ]
    if eea or not shares:
        pairs.append(("dma_cps", _ALL_SERVICES if shares else "-"))
    pairs.append(("pscdl", "noapi" if signals.ad_storage is Value.GRANTED else "denied"))
    return tuple(pairs)


CONSENT_KEYS = frozenset({"gcs", "gcd", "npa", "dma", "dma_cps", "pscdl"})
"""Every query key that ``consent_pairs`` may return."""


def consent_pairs(signals: Signals, *, explicit: bool, country: str | None) -> tuple[tuple[str, str], ...]:
    """Return the query parameters that state a visitor's consent in a ping of Google's.

    Args:
        signals: the visitor's actual signals.
        explicit: whether the visitor (or the site for them) made any choice.
        country: ISO 3166-1 alpha-2, upper case; None counts as inside the EEA, where the stricter form is due.
    """
    return _pairs(signals, explicit, in_eea(country))
