"""Google Ads conversions: Data Manager API with consent, the Google tag's own conversion ping without.

**Full** events go to the Data Manager API (``events:ingest``), which takes a conversion only with a click id or a hash of
contact data. ``transactionId`` is what it dedupes by. Neither address nor user agent is sent: Google does not need them
for a conversion that has an identifier, and in the EEA does not match by address at all. An identifying postal address
would need a plain postal code, so none is sent.

**Cookieless** events go to ``pagead2.googlesyndication.com``, where Google's tag sends what it may not attach cookies to.
This is *experimental*: Google documents the host but not the request, and has not said what it makes of such a ping from
a server. The visitor's country is lost in it, as no parameter carries an address there.
"""

import re
from collections.abc import Sequence
from typing import Annotated, ClassVar, Self

import orjson
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from forwarders._consent_mode import CONSENT_KEYS, consent_pairs
from forwarders._data_manager import ingestion
from forwarders._data_manager_answers import read_ingestion, read_status_answer
from forwarders._google_contact import google_contact
from forwarders._google_ping import number_text, random_parts, screen_parts
from forwarders.auth import Auth, ServiceAccountAuth
from forwarders.base import Batch, Forwarder, Request, Response, Trace
from forwarders.verdicts import FollowUpVerdict, Verdict
from proxy.event import CookielessEvent, FullEvent, UserData
from proxy.secret import Secret
from proxy.signals import Signal, Signals, Value
from proxy.sources.iab import GOOGLE, Vendor

_HOST = "datamanager.googleapis.com"
_PING_HOST = "pagead2.googlesyndication.com"
_SCOPE = "https://www.googleapis.com/auth/datamanager"
_TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105  # an address, not a token
_GRANTED = Value.GRANTED

# Of one event's click ids the first goes: Google asks for one, and a braid beside a gclid can only do harm (it excludes
# cart data and "one per click" actions). ``wbraid`` is for events on the web, ``gbraid`` for events in apps.
_CLICK_IDS = ("gclid", "wbraid", "gbraid")
_COOKIES = {"gclid": "_gcl_aw", "wbraid": "_gcl_gb", "gbraid": "_gcl_ag"}
_COOKIE_NAMES = frozenset(_COOKIES.values())
# The tag's cookies: GCL.<Unix s>.<click id>, or <n>.<n>.k<click id>$i<Unix s>...
_GCL_COOKIE = re.compile(
    r"GCL\.[0-9]{1,12}\.([A-Za-z0-9_.-]{1,512})|[0-9]\.[0-9]\.k([A-Za-z0-9_.-]{1,512})(?:\$.*)?"
)
_CLICK_ID = re.compile(r"[A-Za-z0-9_.-]{1,512}")

_LONGEST_URL = 512


def _without_hyphens(written: object) -> object:
    return written.replace("-", "") if isinstance(written, str) else written


EventName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,39}$")]


class Conversion(BaseModel):
    """One conversion action."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )

    action_id: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]
    """Number of the conversion action (``ctId`` in its address in Google Ads); Data Manager's ``productDestinationId``."""
    label: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{0,64}$")] = ""
    """What follows the slash in the tag's ``AW-.../label``; needed for cookieless pings alone."""


class GoogleAds(Forwarder):
    """Conversions of one Google Ads account."""

    # A credential that is refused must not be quoted by the error that says so.
    model_config = ConfigDict(hide_input_in_errors=True)

    customer_id: Annotated[
        str, BeforeValidator(_without_hyphens), StringConstraints(pattern=r"^[0-9]{1,20}$")
    ]
    """The account that owns the conversions; hyphens are ignored."""
    login_customer_id: Annotated[
        str, BeforeValidator(_without_hyphens), StringConstraints(pattern=r"^([0-9]{1,20})?$")
    ] = ""
    """The manager account through which it is reached, if any."""
    credentials: Secret
    """Service-account key (JSON) as Google issues it."""
    conversion_id: Annotated[str, StringConstraints(pattern=r"^(AW-[0-9]{1,20})?$")] = ""
    """The tag's id, ``AW-...``; needed for cookieless pings alone."""
    conversions: dict[EventName, Conversion] = Field(default_factory=dict)
    """Conversion action by event name; other events are not for this account."""

    title: ClassVar[str] = "Google Ads"
    iab: ClassVar[Vendor | None] = GOOGLE
    needs: ClassVar[tuple[Signal, ...]] = (Signal.AD_STORAGE, Signal.AD_USER_DATA)
    has_cookieless: ClassVar[bool] = True
    hosts: ClassVar[frozenset[str]] = frozenset({_HOST, _PING_HOST})
    full_headers: ClassVar[frozenset[str]] = frozenset({"content-type"})
    cookieless_keys: ClassVar[frozenset[str]] = CONSENT_KEYS | frozenset(
        "en label value currency_code oid url ref tiba u_w u_h random gclaw cv fmt bg guid async hn".split()
    )
    full_keys: ClassVar[frozenset[str]] = frozenset(
        "destinations reference operatingAccount loginAccount accountType accountId productDestinationId encoding events"
        " destinationReferences transactionId eventTimestamp eventSource currency conversionValue consent adUserData"
        " adPersonalization adIdentifiers gclid gbraid wbraid userData userIdentifiers emailAddress phoneNumber cartData"
        " items merchantProductId quantity unitPrice requestId".split()
    )
    takes_click_ids: ClassVar[frozenset[str]] = frozenset(_CLICK_IDS)
    takes_earlier_click_ids: ClassVar[frozenset[str]] = takes_click_ids
    batch: ClassVar[Batch] = Batch(limit=2000, max_bytes=2_000_000)

    @field_validator("credentials")
    @classmethod
    def _is_service_account(cls, credentials: Secret) -> Secret:
        try:
            key = orjson.loads(credentials.reveal())
        except orjson.JSONDecodeError:
            raise ValueError("not JSON; the key file of a service account is wanted") from None
        if not isinstance(key, dict) or key.get("type") != "service_account":
            raise ValueError('not the key of a service account (its "type" would be "service_account")')
        for name in ("client_email", "private_key"):
            if not isinstance(key.get(name), str) or not key[name]:
                raise ValueError(f'the key has no "{name}"')
        if key.get("token_uri") != _TOKEN_URI:
            raise ValueError(f'the key\'s "token_uri" must be {_TOKEN_URI}')
        return credentials

    @model_validator(mode="after")
    def _cookieless_is_possible(self) -> Self:
        if self.otherwise == "cookieless":
            if not self.conversion_id:
                raise ValueError('otherwise = "cookieless" needs conversion_id')
            without = sorted(name for name, conversion in self.conversions.items() if not conversion.label)
            if without:
                raise ValueError(f'otherwise = "cookieless" needs a label for {", ".join(without)}')
        return self

    @property
    def auth(self) -> Auth:
        """A token for the Data Manager API."""
        return ServiceAccountAuth(self.credentials, _SCOPE)

    # --- reduction ------------------------------------------------------------------------------------------------

    def cookie_names(self) -> frozenset[str]:
        """Return the cookies in which Google's tag keeps click ids."""
        return _COOKIE_NAMES

    def configured_for(self, name: str) -> bool:
        """Tell whether there is a conversion action for events of that name."""
        return name in self.conversions

    def cookieless_configured(self, name: str) -> bool:
        """Tell whether a cookieless ping can name the conversion: by the tag's id and the action's label."""
        conversion = self.conversions.get(name)
        return bool(self.conversion_id and conversion is not None and conversion.label)

    def identify(self, trace: Trace, signals: Signals) -> dict[str, str]:
        """Return the one click id that is sent: of the page if it names any, else of the tag's cookies, else of before."""
        if not _allows_identifiers(signals):
            return {}
        for name in _CLICK_IDS:
            stated = trace.click_ids.get(name, "")
            if (
                _CLICK_ID.fullmatch(stated) and stated != "0"
            ):  # the tag writes 0 for a click id that it redacted
                return {name: stated}
        for name in _CLICK_IDS:
            match = _GCL_COOKIE.fullmatch(trace.cookies.get(_COOKIES[name], ""))
            if match:
                return {name: match[1] or match[2]}
        for name in _CLICK_IDS:
            stated, _ = trace.earlier.get(name, ("", 0))
            if _CLICK_ID.fullmatch(stated) and stated != "0":
                return {name: stated}
        return {}

    def keeps_click_ids(self, signals: Signals) -> frozenset[str]:
        """Return Google's click ids if the ad signals allow them, else none."""
        return self.takes_click_ids if _allows_identifiers(signals) else frozenset()

    def contact(self, user_data: UserData, signals: Signals) -> dict[str, str]:
        """Return Google's hashes if ``ad_user_data`` is granted."""
        return google_contact(user_data) if signals.ad_user_data is _GRANTED else {}

    def identified(self, event: FullEvent) -> bool:
        """Tell whether there is a click id or a hash of contact data; Google refuses a conversion without."""
        return bool(event.ids or event.contact)

    # --- full -----------------------------------------------------------------------------------------------------

    def problem(self, event: FullEvent) -> str | None:
        """Return why a stored event can no longer be mapped: its conversion was taken out of the configuration."""
        return None if event.name in self.conversions else "no conversion action is configured for this event"

    def batch_key(self, event: FullEvent) -> str:
        """Return the conversion action: a request takes 2000 events but only 10 actions."""
        conversion = self.conversions.get(event.name)
        return conversion.action_id if conversion is not None else ""

    def recognises(self, event: FullEvent | CookielessEvent) -> bool:
        """Tell whether it has a key: ``transactionId`` in the API (always there), ``oid`` in the ping (if the shop has one)."""
        return isinstance(event, FullEvent) or bool(event.transaction_id)

    def full(self, events: Sequence[FullEvent]) -> Request:
        """Map events of one conversion action.

        Raises:
            ValueError: the event's conversion is no longer configured.
        """
        conversion = self.conversions.get(events[0].name)
        if conversion is None:
            raise ValueError("no conversion action is configured for this event")
        return Request(
            "POST",
            f"https://{_HOST}/v1/events:ingest",
            body=ingestion(events, conversion.action_id, self.customer_id, self.login_customer_id),
        )

    def read(self, response: Response, count: int) -> Verdict:
        """Read Google's error details: they name the event, or what the operator has to mend."""
        return read_ingestion(response, count)

    def follow_up(self, reference: str) -> Request:
        """Ask what became of a request that was taken."""
        return Request("GET", f"https://{_HOST}/v1/requestStatus:retrieve", query=[("requestId", reference)])

    def read_follow_up(self, response: Response, attempt: int) -> FollowUpVerdict:
        """Read Google's counts of what it refused after having taken it."""
        return read_status_answer(response, attempt)

    # --- cookieless -----------------------------------------------------------------------------------------------

    def cookieless(self, event: CookielessEvent) -> Request:
        """Map to the conversion ping that Google's tag sends while ``ad_storage`` is denied.

        Raises:
            ValueError: conversion id or label is not configured (see ``cookieless_configured``).
        """
        if not self.cookieless_configured(event.name):
            raise ValueError("a cookieless conversion needs conversion_id and label")
        query = [
            ("random", random_parts(event.random_id)[0]),
            ("cv", "11"),
            ("fmt", "3"),
            ("bg", "ffffff"),
            ("guid", "ON"),
            ("async", "1"),
            ("en", "conversion"),
            ("label", self.conversions[event.name].label),
            *consent_pairs(event.signals, explicit=event.explicit, country=event.country),
            ("gclaw", "0"),
            ("hn", "www.googleadservices.com"),
        ]
        screen = screen_parts(event.screen)
        if screen is not None:
            query += [("u_w", screen[0]), ("u_h", screen[1])]
        if event.value is not None and event.currency:
            query += [("value", number_text(event.value)), ("currency_code", event.currency)]
        for key, value in (
            ("oid", event.transaction_id),
            ("url", event.url),
            ("ref", event.referrer),
            ("tiba", event.title),
        ):
            if value:
                query.append((key, value[:_LONGEST_URL]))
        return Request(
            "GET",
            f"https://{_PING_HOST}/pagead/conversion/{self.conversion_id.removeprefix('AW-')}/",
            query=query,
            headers={"User-Agent": event.user_agent} if event.user_agent else {},
        )


def _allows_identifiers(signals: Signals) -> bool:
    return signals.ad_storage is _GRANTED and signals.ad_user_data is _GRANTED
