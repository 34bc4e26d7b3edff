"""Consent again: the last thing that happens before a full request is made. It only ever lowers."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from proxy.consent import Record, Unreadable
from proxy.delivery.clock import Clock
from proxy.delivery.lowering import allows, denied_at, lowered, withdrawn
from proxy.delivery.narrowing import narrowed
from proxy.delivery.triage import MAPPING_ERRORS, Full, unmappable
from proxy.site import Link, Site
from proxy.store.claims import End, Operation, Park
from proxy.store.client import StoreUnavailableError
from proxy.store.consents import Consents

_AT_ONCE = 500
"""Visitors that are read by one script; more would keep the store from answering others."""
_MOST_RECENT = 5000


@dataclass(frozen=True, slots=True, repr=False)
class Checked:
    """Which entries may go out, what becomes of the others, and when (monotonic s) that was asked.

    ``reach_s`` holds, for each that a denial has reached, how many seconds ago the store took that denial.

    An entry of which only a part was taken back is in ``allowed`` without that part: another object than was asked about,
    and perhaps with another batch key than its companions.
    """

    allowed: list[Full]
    operations: list[Operation]
    at: float
    reach_s: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class _Read:
    record: Record | Unreadable | None
    at: float


class Reread:
    """Reads the consent that full entries of one forwarder stand on.

    Args:
        consents: the visitors' records.
        site: whose visitors they are.
        link: the forwarder and its rule.
        clock: tells when it was read.
        count: called once per record with ``found``, ``absent``, ``unreadable`` or ``failed``.
        foresight_s: how old a record may be that was read along with others.
        hold_ms: for how long an entry whose record cannot be read is put aside.
    """

    def __init__(
        self,
        consents: Consents,
        site: Site,
        link: Link,
        clock: Clock,
        count: Callable[[str], None],
        *,
        foresight_s: float,
        hold_ms: int,
    ) -> None:
        self._consents = consents
        self._site = site
        self._link = link
        self._clock = clock
        self._count = count
        self._foresight_s = foresight_s
        self._hold_ms = hold_ms
        self._expected: dict[str, None] = {}
        self._recent: dict[str, _Read] = {}

    def expect(self, visitors: Iterable[str]) -> None:
        """Announce whose consent will be asked for in a moment, so that one round trip serves many."""
        self._expected.update(dict.fromkeys(visitors))

    async def check(self, entries: Sequence[Full]) -> Checked:
        """Read the consent of these full entries' visitors now, in as few round trips as can be.

        Raises:
            StoreUnavailableError: it cannot be read, so nothing may be sent.
        """
        records = await self._records(list(dict.fromkeys(one.visitor for one in entries)))
        allowed: list[Full] = []
        operations: list[Operation] = []
        reach_s: list[float] = []
        now_ms = self._clock.consent_ms()
        for one in entries:
            record = records[one.visitor].record
            if isinstance(record, Unreadable):
                operations.append(Park(one.id, self._hold_ms, tried=False))
            elif record is None:
                allowed.append(one)
            elif allows(record, one.entry, self._site, self._link, now_ms):
                found = self._narrowed(one, record, now_ms)
                if isinstance(found, Full):
                    allowed.append(found)
                else:
                    operations.append(found)
            else:
                entry = lowered(record, one.entry, one.event, self._site, self._link, now_ms)
                operations.append(withdrawn(one.id, entry))
                if (denied := denied_at(record, one.entry, self._link.rule.needs)) is not None:
                    reach_s.append(max(self._clock.now_ms() - denied, 0) / 1000)
        return Checked(allowed, operations, min(read.at for read in records.values()), reach_s)

    async def _records(self, visitors: Sequence[str]) -> dict[str, _Read]:
        """Return visitors' records, none of them older than ``foresight_s``."""
        oldest = self._clock.monotonic() - self._foresight_s
        found = {
            visitor: read
            for visitor in visitors
            if (read := self._recent.get(visitor)) is not None and read.at >= oldest
        }
        missing = [visitor for visitor in visitors if visitor not in found]
        for start in range(0, len(missing), _AT_ONCE):
            found |= await self._read(missing[start : start + _AT_ONCE])
        return found

    async def _read(self, visitors: list[str]) -> dict[str, _Read]:
        """Read these visitors' records, and along with them those of others that are expected."""
        for visitor in visitors:
            self._expected.pop(visitor, None)
        others = list(islice(self._expected, _AT_ONCE - len(visitors)))
        for visitor in others:
            del self._expected[visitor]
        asked = [*visitors, *others]
        at = self._clock.monotonic()
        try:
            answers = await self._consents.read_many([(self._site.name, visitor) for visitor in asked])
        except StoreUnavailableError:
            self._count("failed")
            raise
        found = {visitor: _Read(answer.record, at) for visitor, answer in zip(asked, answers, strict=True)}
        for read in found.values():
            self._count(_word(read.record))
        if len(self._recent) > _MOST_RECENT:
            self._recent = {}
        self._recent |= found
        return found

    def _narrowed(self, one: Full, record: Record, now_ms: int) -> Full | End:
        """Return an entry without what its visitor has taken back since; the same object if that is nothing.

        The forwarder's mapping leaves out what the signals no longer allow.
        """
        signals = narrowed(
            one.event.signals,
            record,
            read_at=one.entry.read_at,
            now_ms=now_ms,
            max_age_ms=self._site.policy.consent_max_age_ms,
            known=one.entry.known,
        )
        if signals == one.event.signals:
            return one
        event = replace(one.event, signals=signals)
        try:
            key = self._link.forwarder.batch_key(event)
        except MAPPING_ERRORS as error:
            return unmappable(one.id, type(error).__name__)
        return replace(one, event=event, batch_key=key)


def _word(record: Record | Unreadable | None) -> str:
    if record is None:
        return "absent"
    return "unreadable" if isinstance(record, Unreadable) else "found"
