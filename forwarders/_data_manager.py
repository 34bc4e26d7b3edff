"""The body of an ingestion request of Google's Data Manager API, for Google Ads. Pure.

Google: Data Manager API, reference of ``events.ingest``. Ids are digits as text, and so is ``quantity`` (an int64).
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from forwarders._fields import articles
from forwarders.base import Json
from proxy.event import FullEvent
from proxy.signals import Value

_MOST_ITEMS = 200
_CONSENT = {Value.GRANTED: "CONSENT_GRANTED", Value.DENIED: "CONSENT_DENIED", Value.UNKNOWN: "CONSENT_DENIED"}


def ingestion(
    events: Sequence[FullEvent], action_id: str, account: str, login_account: str
) -> dict[str, Json]:
    """Return a request for events of one conversion action.

    Args:
        events: at most 2000.
        action_id: the conversion action; also the destination's own name within the request.
        account: the account that owns it.
        login_account: the manager account through which it is reached, or ``""``.
    """
    destination: dict[str, Json] = {
        "reference": action_id,
        "productDestinationId": action_id,
        "operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": account},
    }
    if login_account:
        destination["loginAccount"] = {"accountType": "GOOGLE_ADS", "accountId": login_account}
    references = [action_id]
    return {
        "destinations": [destination],
        "encoding": "HEX",
        "events": [_event(event, references) for event in events],
    }


def _event(event: FullEvent, references: list[str]) -> dict[str, Json]:
    signals, ids, contact = event.signals, event.ids, event.contact
    body: dict[str, Json] = {
        "destinationReferences": references,
        "transactionId": event.transaction_id or event.event_id,
        "eventTimestamp": _rfc3339(event.time_ms),
        "eventSource": "WEB",
        "consent": {
            "adUserData": _CONSENT[signals.ad_user_data],
            "adPersonalization": _CONSENT[signals.ad_personalization],
        },
    }
    if event.value is not None and event.currency:
        body["currency"] = event.currency
        body["conversionValue"] = event.value
    if ids:
        body["adIdentifiers"] = ids
    if contact:
        body["userData"] = {
            "userIdentifiers": [
                {name: contact[kind]}
                for kind, name in (("email", "emailAddress"), ("phone", "phoneNumber"))
                if kind in contact
            ]
        }
    # Google does not take cart data with a braid.
    if event.items and "wbraid" not in ids and "gbraid" not in ids and (items := _cart(event)):
        body["cartData"] = {"items": items}
    return body


def _cart(event: FullEvent) -> list[dict[str, Json]]:
    return [
        {"merchantProductId": one.id, "quantity": str(one.quantity or 1), "unitPrice": one.price}
        for one in articles(event.items[:_MOST_ITEMS])
        if one.price is not None
    ]


def _rfc3339(time_ms: int) -> str:
    seconds, ms = divmod(time_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}.{ms:03}Z"
