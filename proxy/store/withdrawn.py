"""The visitors who have taken something back, noted so that what waits of theirs is found before it is to be sent.

Whether something may be sent never depends on these notes: consent is read again before every full request. They see to
it that personal data does not lie in an outbox for hours because its vendor is down or paused.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from proxy.store.client import Store, StoreUnavailableError, script
from proxy.store.keys import SWEEPER, WITHDRAWN

log = logging.getLogger("sayso.store")

_NOTE: Final = script("note")
_SWEEP: Final = script("sweep")
_KEPT_MS: Final = 73 * 3600 * 1000
"""No entry waits for longer than 72 hours."""
_MOST: Final = 100_000
_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True, repr=False)
class Note:
    """A visitor of a site who has taken something back. ``at`` is as the store wrote it."""

    site: str
    visitor: str
    at: bytes


async def note(store: Store, site: str, visitor: str) -> None:
    """Note a visitor. If the store does not answer, what waits is found when it is to be sent, at the latest."""
    try:
        await store.run(_NOTE, [WITHDRAWN], [f"{site}|{visitor}", _KEPT_MS, _MOST])
    except StoreUnavailableError as error:
        log.debug("a withdrawal was not noted (%s)", error)


async def take(store: Store, worker: str, *, old_ms: int, lease_ms: int) -> list[Note]:
    """Return visitors who were noted at least ``old_ms`` ago, unless another worker is at it.

    For ``lease_ms`` nobody else is given any; whoever is killed in that time has only delayed it.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    found = await store.run(_SWEEP, [WITHDRAWN, SWEEPER], [worker, lease_ms, old_ms, _AT_ONCE])
    notes: list[Note] = []
    for member, at in zip(found[::2], found[1::2], strict=True):
        site, _, visitor = member.decode().rpartition("|")
        notes.append(Note(site, visitor, at))
    return notes


async def done(store: Store, worker: str, notes: Sequence[Note], *, rest_ms: int) -> None:
    """Strike these out, and let everybody rest for ``rest_ms``.

    Raises:
        StoreUnavailableError: the store does not answer; it is done once more then.
    """
    pairs = [part for one in notes for part in (f"{one.site}|{one.visitor}", one.at)]
    await store.run(_SWEEP, [WITHDRAWN, SWEEPER], [worker, rest_ms, 0, 0, *pairs])
