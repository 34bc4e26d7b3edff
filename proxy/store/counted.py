"""What the counters of a partition say of its outboxes. Pure."""

from collections.abc import Iterable


def links_in(counts: Iterable[bytes]) -> set[tuple[str, str]]:
    """Return site and forwarder of every outbox that was ever put into, also of those that are configured no more.

    Args:
        counts: the names of the counters.
    """
    found: set[tuple[str, str]] = set()
    for name in counts:
        match name.decode().split("|"):
            case ["f", site, forwarder]:
                found.add((site, forwarder))
            case _:
                continue
    return found
