"""Erasing what is held under a visitor's own keys: record, session, history. What waits in outboxes is not reached."""

from typing import Final

from proxy.store import withdrawn
from proxy.store.client import Store, script
from proxy.store.keys import consent_key, visitor_keys

_ERASE: Final = script("erase")
_WAITS_S: Final = 72 * 3600
"""No entry waits for longer."""
_DAY_S: Final = 86_400


def kept_s(cookie_s: int) -> int:
    """Return how long the empty record stays, in seconds: while the id may come back, or an entry wait, and a day more.

    Args:
        cookie_s: the longest life of the site's id cookie.
    """
    return max(_WAITS_S, cookie_s) + _DAY_S


async def erase_keys(
    store: Store, site: str, visitor: str, *, keep_s: int, dry_run: bool = False
) -> dict[str, int]:
    """Erase the visitor's own keys; from then on nothing is stored or sent in full under the id.

    The visitor is noted, so that the sweep finds what waits. Returns what was held, 1 or 0 by what it is.

    Raises:
        StoreUnavailableError: it is not done; doing it again is safe.
    """
    keys = {"record": consent_key(site, visitor), **visitor_keys(site, visitor)}
    if not dry_run:
        await withdrawn.note(store, site, visitor)
    held = await store.run(_ERASE, list(keys.values()), [keep_s, "1" if dry_run else ""])
    return dict(zip(keys, map(int, held), strict=True))
