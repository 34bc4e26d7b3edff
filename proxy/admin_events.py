"""``GET /events/{event_id}`` of the admin listener: ``sayso explain`` over HTTP."""

from typing import Final

import orjson

from proxy.admin_guard import Guard
from proxy.operate.desk import Desk, MissingError, MistakeError
from proxy.operate.explain import explain
from proxy.operate.explain_words import described
from proxy.settings import Settings

_MOST_BYTES: Final = 1 << 30


async def explained(desk: Desk, event_id: str, site: str | None) -> bytes | None:
    """Return what is known of an event, as JSON; None if that is nothing.

    Raises:
        LookupError: there is no such site.
        StoreUnavailableError: the store does not answer.
    """
    try:
        found = await explain(desk, event_id, site, most_bytes=_MOST_BYTES)
    except MistakeError as error:
        raise LookupError(str(error)) from None
    except MissingError:
        return None
    return orjson.dumps({"events": [described(one) for one in found]})


def guard_of(settings: Settings) -> Guard:
    """Return who may ask the admin listener for events."""
    server = settings.server
    token = server.admin_token.reveal() if server.admin_token is not None else ""
    return Guard(token, server.admin_listen.loopback)
