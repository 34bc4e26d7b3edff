"""Names of all keys in the store, published in ``docs/store.md``.

What one script touches shares a hash tag, so that a cluster can take it: ``{p0}`` for a partition of the outbox,
``{site:visitor}`` for one visitor.
"""

import zlib
from dataclasses import dataclass

PREFIX = "sayso:"
ID_KEY = PREFIX + "id-key"
PARTITIONS = PREFIX + "partitions"
WITHDRAWN = PREFIX + "{withdrawn}:visitors"
SWEEPER = PREFIX + "{withdrawn}:sweeper"
AUDIT = PREFIX + "audit"
AUDIT_DAY_KEYS = AUDIT + ":day-keys"
AUDIT_LEASE = AUDIT + ":lease"
GROUP = "deliver"
SEEN_TTL_S = 48 * 3600
SESSION_TTL_S = 30 * 60


@dataclass(frozen=True, slots=True)
class PartitionKeys:
    """Keys of one partition that belong to no forwarder."""

    counts: str
    workers: str
    seen: str
    """Prefix of the dedupe keys."""
    trail: str


@dataclass(frozen=True, slots=True)
class OutboxKeys:
    """Keys of one forwarder's outbox in one partition."""

    stream: str
    parked: str
    tries: str
    dead: str
    sent: str
    asks: str
    counts: str
    workers: str
    clock: str
    trail: str
    report: str
    """Prefix of the keys of the site's report; the day follows."""


def partition_of(ref: str, partitions: int) -> int:
    """Return the partition of an event's ref."""
    return 0 if partitions == 1 else zlib.crc32(ref.encode()) % partitions


def partition_keys(partition: int) -> PartitionKeys:
    """Return the keys of a partition."""
    tag = f"{PREFIX}{{p{partition}}}:"
    return PartitionKeys(f"{tag}counts", f"{tag}workers", f"{tag}seen:", f"{tag}trail")


def outbox_keys(partition: int, site: str, forwarder: str) -> OutboxKeys:
    """Return the keys of one forwarder's outbox."""
    tag = f"{PREFIX}{{p{partition}}}:"
    rest = f":{site}:{forwarder}"
    return OutboxKeys(
        f"{tag}out{rest}",
        f"{tag}parked{rest}",
        f"{tag}tries{rest}",
        f"{tag}dead{rest}",
        f"{tag}sent{rest}",
        f"{tag}asks{rest}",
        f"{tag}counts",
        f"{tag}workers",
        f"{tag}clock",
        f"{tag}trail",
        f"{tag}report:{site}:",
    )


def report_key(partition: int, site: str, day: str) -> str:
    """Return the key of what a day's conversions of a site come to; the day as ``2026-11-22``."""
    return f"{PREFIX}{{p{partition}}}:report:{site}:{day}"


def campaigns_key(partition: int, site: str, event: str, day: str) -> str:
    """Return the key of the campaigns that a day's conversions of one name came from."""
    return f"{PREFIX}{{p{partition}}}:campaigns:{site}:{event}:{day}"


def ended_login_key(session: str) -> str:
    """Return the key that says that a login at the dashboard was ended before its time."""
    return f"{PREFIX}ended-login:{session}"


def consent_key(site: str, visitor: str) -> str:
    """Return the key of a visitor's consent record."""
    return f"{PREFIX}{{{site}:{visitor}}}:consent"


def session_key(site: str, visitor: str) -> str:
    """Return the key of a visitor's 30-minute session."""
    return f"{PREFIX}{{{site}:{visitor}}}:session"


def history_key(site: str, visitor: str) -> str:
    """Return the key of what a visitor has decided, one entry for each decision."""
    return f"{PREFIX}{{{site}:{visitor}}}:history"


def attribution_key(site: str, visitor: str) -> str:
    """Return the key of what brought a visitor: first source and newest clicks."""
    return f"{PREFIX}{{{site}:{visitor}}}:attribution"


def visitor_keys(site: str, visitor: str) -> dict[str, str]:
    """Return every key that holds something of one visitor, besides the consent record, by what it holds.

    Whoever stores more of a visitor adds its key here: what is listed is deleted by an erasure.
    """
    return {
        "session": session_key(site, visitor),
        "history": history_key(site, visitor),
        "attribution": attribution_key(site, visitor),
    }
