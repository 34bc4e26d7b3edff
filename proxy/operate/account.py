"""From rows of the audit trail to what became of one event at each forwarder. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from proxy.audit.rows import Row
from proxy.reasons import Outcome

State = Literal["pending", "delivered", "rejected", "dropped", "expired"]


def ms_of(minute: object) -> int:
    """Read a row's time, Unix ms; 0 if it has none."""
    try:
        return int(datetime.strptime(str(minute), "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        return 0


@dataclass(slots=True)
class Account:
    """What became of an event at one forwarder. Times are Unix ms, of a whole minute.

    ``rows`` are the trail's, oldest first. ``repeats`` counts duplicates. ``words`` are the vendor's, struck of what they
    quote. ``next_in_s``: when a pending entry is tried again; None: it may be now.
    """

    forwarder: str
    rows: list[Row] = field(default_factory=list)
    title: str = ""
    repeats: int = 0
    tries: int = 0
    next_in_s: float | None = None
    forwarder_state: str = ""
    words: str = ""
    dead_letter: str = ""

    @property
    def decided(self) -> Row | None:
        """The row of its decision; None if only repeats of it are known."""
        return next((row for row in self.rows if row.get("kind") == "decided"), None)

    @property
    def lowered(self) -> Row | None:
        """The row that says that it lost its consent while it waited, if it did."""
        return next((row for row in self.rows if row.get("kind") == "lowered"), None)

    @property
    def ended(self) -> Row | None:
        """The row of its end; None while it is pending."""
        found: Row | None = None
        for row in self.rows:
            if row.get("kind") == "again":
                found = None
            elif row.get("kind") == "ended" or "outcome" in row:
                found = row
        return found

    @property
    def state(self) -> State:
        """How it ended, or ``pending``."""
        ended = self.ended
        if ended is None:
            return "pending" if self.decided is not None else "dropped"
        return Outcome(str(ended.get("outcome"))).value

    @property
    def since_ms(self) -> int:
        """Since when its present entry has been in the outbox."""
        times = [
            ms_of(row.get("t")) for row in self.rows if row.get("kind") in {"decided", "lowered", "again"}
        ]
        return max(times, default=0)

    @property
    def ended_ms(self) -> int:
        """When it ended."""
        ended = self.ended
        return ms_of(ended.get("t")) if ended is not None else 0


@dataclass(slots=True)
class Explained:
    """One event of one site. ``found_ms`` is when it was accepted."""

    site: str
    ref: str
    accounts: list[Account]

    @property
    def decided(self) -> Row | None:
        """The first row that says on which consent it was decided."""
        return next((one.decided for one in self.accounts if one.decided is not None), None)


def accounts_of(site: str, ref: str, rows: Sequence[Row]) -> Explained:
    """Sort an event's rows by forwarder."""
    accounts: dict[str, Account] = {}
    for row in rows:
        name = str(row.get("forwarder"))
        account = accounts.setdefault(name, Account(name))
        if row.get("kind") == "decided" and row.get("reason") == "duplicate":
            account.repeats += 1
        else:
            account.rows.append(row)
    return Explained(site, ref, list(accounts.values()))
