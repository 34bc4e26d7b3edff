"""Didomi: ``didomi_token``, JSON in base64."""

import re
from collections.abc import Mapping

from proxy.signals import AD_SIGNALS, INDEX, SIGNALS, Signals, Value
from proxy.sources.cmp._family import COMMON, Answer, Family, Names, both, by_names, name_signals
from proxy.sources.cmp._text import base64_object, member, moment, texts, token

_COOKIE = "didomi_token"
_TC = "euconsent-v2"
# A purpose that a site made itself ends with a random id: analytics-G4Fw3bTd.
_OWN_ID = re.compile(r"-[A-Za-z0-9]{8}\Z")
_STORE, _MEASURE = "cookies", "measure_ad_performance"
_PROFILE, _SELECT = "create_ads_profile", "select_personalized_ads"
_GOOGLE, _ANALYTICS = "google", "c:googleana-"


def _read(cookies: Mapping[str, str], names: Names) -> Answer:
    tc_string = cookies.get(_TC)
    if _COOKIE not in cookies:
        return Answer(tc_string=tc_string)
    said = base64_object(cookies[_COOKIE])
    purposes, vendors = member(said, "purposes"), member(said, "vendors")
    enabled, disabled = set(texts(purposes.get("enabled"))), set(texts(purposes.get("disabled")))
    named = [(_OWN_ID.sub("", purpose), Value.GRANTED) for purpose in enabled]
    named += [(_OWN_ID.sub("", purpose), Value.DENIED) for purpose in disabled]
    signals = both(by_names(named, names), _of_tcf(enabled, disabled))
    signals = both(signals, _of_vendors(texts(vendors.get("disabled"))))
    return Answer(
        signals,
        decided_at=moment(said.get("updated")),
        proof=token(said.get("user_id")),
        tc_string=tc_string,
    )


def _of_tcf(enabled: set[str], disabled: set[str]) -> Signals:
    """Map the purposes of TCF as Google does: 1; 1 and 7; 3 and 4. None of them is statistics."""

    def value(*purposes: str) -> Value:
        if not disabled.isdisjoint(purposes):
            return Value.DENIED
        return Value.GRANTED if enabled.issuperset(purposes) else Value.UNKNOWN

    return Signals.of(Value.UNKNOWN, value(_STORE), value(_STORE, _MEASURE), value(_PROFILE, _SELECT))


def _of_vendors(disabled: list[str]) -> Signals:
    """Let a refusal of Google count against what Google is sent; our signals know no single vendors."""
    values = [Value.UNKNOWN] * len(SIGNALS)
    for vendor in disabled:
        if vendor == _GOOGLE:
            for signal in AD_SIGNALS:
                values[INDEX[signal]] = Value.DENIED
        elif vendor.startswith(_ANALYTICS):
            values[0] = Value.DENIED
    return Signals.of(values[0], values[1], values[2], values[3])


FAMILY = Family(
    name="didomi",
    title="Didomi",
    cookies=(_COOKIE,),
    also=(_TC,),
    read=_read,
    names=COMMON
    | name_signals(("audience-measurement", "audience"), ("advertising-personalization", "social-media")),
    told="`purposes`: TCF's own as Google maps them, and the site's by name (without their random ending); refused"
    " vendors `google` and `c:googleana-...`; time `updated`; proof `user_id`; TC string `euconsent-v2`",
    traps="a purpose in neither list was not answered; TCF has no purpose that is statistics, so `analytics_storage`"
    " needs one of the site's own",
)
