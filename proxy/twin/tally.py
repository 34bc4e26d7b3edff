"""Counts per vendor, with duplicates by the vendor's own dedupe key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from proxy.twin.reply import Reply

KEY_CAPACITY = 500_000
"""Dedupe keys remembered per vendor; older ones are forgotten first."""


@dataclass(slots=True)
class Tally:
    """The counts of one vendor."""

    requests: int = 0
    events: int = 0
    accepted: int = 0
    duplicates: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    faults: int = 0
    errors: int = 0
    keys: dict[Hashable, None] = field(default_factory=dict, repr=False)

    def add(self, reply: Reply, *, faulted: bool) -> None:
        """Count one answered request."""
        self.requests += 1
        self.events += reply.events
        self.accepted += len(reply.accepted)
        self.statuses[reply.status] += 1
        self.faults += faulted
        self.errors += bool(reply.errors)
        keys = self.keys
        for key in reply.accepted:
            if key is None:
                continue
            if key in keys:
                self.duplicates += 1
                continue
            keys[key] = None
            if len(keys) > KEY_CAPACITY:
                del keys[next(iter(keys))]

    def view(self) -> dict[str, Any]:
        """Return the counts as JSON."""
        return {
            "requests": self.requests,
            "events": self.events,
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "unique": self.accepted - self.duplicates,
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "faults": self.faults,
            "with_errors": self.errors,
        }
