"""The ``[sites.NAME]`` tables: one website with its visitor cookie, policy and forwarders."""

from typing import Annotated, Literal

from pydantic import Field, PlainValidator, Strict

from proxy.policy import DEFAULT_PRESET, PRESET_NAMES, Basis
from proxy.secret import Secret
from proxy.settings_problems import wrong
from proxy.settings_stanzas import Stanza, Stanzas
from proxy.settings_values import (
    BasePath,
    CookieName,
    EventName,
    Host,
    Origin,
    ParamName,
    RouteName,
    ScriptName,
    Table,
)
from proxy.sources.cmp import AUTO, CHOICES

_NOT_BUILT = ("cnil-proxy",)


# TOML has lists only; the models keep them as tuples.
_LISTED = Strict(False)


class VisitorSettings(Table):
    """``[sites.NAME.visitor]``: the cookie that holds the visitor's id."""

    cookie: CookieName = "_sayso"
    """Name of the id cookie."""
    max_age_days: int | None = Field(default=None, ge=1, le=7)
    """Days that an id on legitimate interest lives, from its creation, never extended; absent: the preset's."""
    consented_max_age_days: int | None = Field(default=None, ge=1, le=400)
    """Days that an id lives where the visitor granted storage; absent: the preset's."""
    attribution_days: int = Field(default=90, ge=0, le=400)
    """Days that the first campaign and the newest ad clicks of a consenting visitor are kept; 0: they are not."""


def _preset(written: object) -> str:
    allowed = ", ".join(f'"{name}"' for name in PRESET_NAMES)
    if not isinstance(written, str):
        raise wrong("not a text", allowed)
    if written in _NOT_BUILT:
        raise wrong(f'"{written}" is not built yet', allowed)
    if written not in PRESET_NAMES:
        raise wrong("there is no such preset", allowed)
    return written


CmpName = Annotated[str, Field(min_length=1, max_length=64)]


def _cmp(written: object) -> str:
    if written not in CHOICES:
        raise wrong("there is no such consent platform", ", ".join(f'"{name}"' for name in CHOICES))
    return str(written)


class PolicySettings(Table):
    """``[sites.NAME.policy]``: a preset, and single points of it overridden."""

    preset: Annotated[
        str,
        PlainValidator(_preset, json_schema_input_type=Literal["consent-mode", "notice-2021", "eea-strict"]),
    ] = DEFAULT_PRESET
    """Which policy the site follows; ``sayso matrix`` prints each in full."""
    analytics_storage: Basis | None = None
    """The basis of statistics; absent: the preset's. The ad signals are always on consent."""
    consent_max_age_days: int = Field(default=365, ge=1, le=3650)
    """Days that a grant counts; an older one is expired, which is not granted."""
    on_store_failure: Literal["drop", "cookieless"] = "drop"
    """What happens to an event whose visitor's record cannot be read; never more than without any consent."""
    cookieless_location: Literal["truncated_ip", "none"] = "truncated_ip"
    """Whether a cookieless event may carry the truncated address."""
    cookieless_transaction_id: bool = True
    """Whether a cookieless event may carry the transaction id."""
    cookieless_params: Annotated[tuple[ParamName, ...], _LISTED, Field(max_length=100)] = ()
    """Free parameters that a cookieless event may carry, by name."""
    cookieless_max_age_minutes: int = Field(default=240, ge=1, le=4320)
    """Minutes after which a cookieless event is expired: it carries no time, so a late one would be misdated."""
    dnt: Literal["ignore", "objection"] = "ignore"
    """Whether ``DNT: 1`` counts as an objection, as Global Privacy Control always does."""
    hold_ms: int = Field(default=0, ge=0, le=2000)
    """Milliseconds that an event of a known visitor who has not decided yet is held back, to wait for the decision."""
    record_keep_days: int | None = Field(default=None, ge=1, le=3650)
    """Days that the history of a visitor's decisions is kept after the last of them; absent: as long as the record."""


_Line = Annotated[str, Field(max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Link = Annotated[str, Field(max_length=300, pattern=r"^(https?://[^\s<>\"]+)?$")]


class NoticeSettings(Table):
    """``[sites.NAME.notice]``: what visitors are told before they decide, as their consent records must name it."""

    controller: _Line = ""
    """Who is responsible: name and address."""
    contact: _Line = ""
    """Where visitors reach them."""
    dpo: _Line = ""
    """The data protection officer, and how to reach them."""
    authority: _Line = ""
    """The authority that watches over them, such as \"NO-Datatilsynet\"."""
    jurisdiction: _Line = ""
    """Whose law counts: a country code."""
    language: _Line = ""
    """The language of the notice, such as \"nb\"."""
    version: _Line = ""
    """The notice's version: change it whenever the text changes."""
    url: _Link = ""
    """Where the notice is."""
    withdrawal_url: _Link = ""
    """Where visitors change their mind; absent: ``DELETE /consent`` is named."""
    storage: Annotated[tuple[_Line, ...], _LISTED, Field(max_length=20)] = ()
    """Where the data is stored: countries or regions."""
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    """SHA-256 of the notice's text, 64 hex digits."""


class LoaderSettings(Table):
    """``[sites.NAME.loader]``: the script that the site's pages include."""

    enabled: bool = True
    """Whether Sayso serves the script."""
    name: ScriptName = "sayso.js"
    """Its file name, below ``base_path``."""
    collect: RouteName = "collect"
    """The route to which the script sends events; another name is served beside ``collect``, and means the same."""
    consent: RouteName = "consent"
    """The route to which it sends consent; likewise."""
    cmp: bool = True
    """Whether it asks the consent platforms that it finds in the page for what the visitor chose."""
    auto: bool = True
    """Whether it reports page views, and clicks, downloads and forms, by itself."""
    segment: bool = True
    """Whether it answers to ``analytics.track()`` and the like as well."""


class SiteSettings(Table):
    """``[sites.NAME]``: one website."""

    hosts: Annotated[tuple[Host, ...], _LISTED, Field(min_length=1)] = ("*",)
    """Names, as in the ``Host`` header, on which the site is served; ``*`` is any, and only for a single site."""
    base_path: BasePath = "/"
    """The path under which Sayso is served on those hosts."""
    origins: Annotated[tuple[Origin, ...], _LISTED] = ()
    """Origins of the pages that may send, beside Sayso's own."""
    conversions: Annotated[tuple[EventName, ...], _LISTED] = ("purchase", "generate_lead", "sign_up")
    """Events that count as conversions."""
    ingest_keys: Annotated[tuple[Secret, ...], _LISTED] = ()
    """Keys with which backends may send."""
    cmp: Annotated[
        str,
        PlainValidator(_cmp, json_schema_input_type=str),
        Field(json_schema_extra={"enum": list(CHOICES)}),
    ] = AUTO
    """The consent platform whose cookies are read: its name, ``auto`` for whichever came, ``none`` to read none."""
    cmp_statistics: Annotated[tuple[CmpName, ...], _LISTED, Field(max_length=50)] = ()
    """What the banner calls its categories (or services) for statistics; with ``cmp_marketing`` in place of the usual."""
    cmp_marketing: Annotated[tuple[CmpName, ...], _LISTED, Field(max_length=50)] = ()
    """The same for marketing."""
    visitor: VisitorSettings = VisitorSettings()
    """The cookie that holds the visitor's id."""
    policy: PolicySettings = PolicySettings()
    """What may go where, and when."""
    notice: NoticeSettings = NoticeSettings()
    """What visitors are told; consent records name it."""
    loader: LoaderSettings = LoaderSettings()
    """The script that the site's pages include."""
    forwarders: Stanzas = Field(default_factory=dict[str, Stanza])
    """The vendors' accounts that the site's events go to."""
