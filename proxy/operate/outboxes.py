"""Which outboxes a command is about: those of configured forwarders, and what forwarders have left that were removed."""

from collections.abc import Iterable
from dataclasses import dataclass

from proxy.operate.desk import Desk, MistakeError
from proxy.store.counted import links_in
from proxy.store.keys import OutboxKeys, outbox_keys, partition_keys


@dataclass(frozen=True, slots=True)
class Outbox:
    """One forwarder's outbox in one partition. ``removed``: the forwarder is not configured any more."""

    site: str
    forwarder: str
    partition: int
    removed: bool = False

    @property
    def keys(self) -> OutboxKeys:
        """Its keys in the store."""
        return outbox_keys(self.partition, self.site, self.forwarder)


async def removed_links(desk: Desk) -> list[tuple[str, str]]:
    """Return site and forwarder of those that were removed from the configuration, but have left something.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    configured = {(site.name, link.name) for site in desk.sites for link in site.links}
    redis, found = desk.store.redis, set[tuple[str, str]]()
    for partition in desk.partitions:
        names = await desk.store.guarded(redis.hkeys(partition_keys(partition).counts))
        for site, forwarder in links_in(names) - configured - found:
            keys = outbox_keys(partition, site, forwarder)
            if await desk.store.guarded(redis.xlen(keys.stream)) or await desk.store.guarded(
                redis.xlen(keys.dead)
            ):
                found.add((site, forwarder))
    return sorted(found)


async def outboxes(desk: Desk, site: str | None, forwarder: str | None) -> list[Outbox]:
    """Return the outboxes of that forwarder at that site, configured or removed; None is any.

    Raises:
        MistakeError: there is none.
        StoreUnavailableError: the store does not answer.
    """
    left = [
        one for one in await removed_links(desk) if site in {None, one[0]} and forwarder in {None, one[1]}
    ]
    try:
        links = [(one.name, link.name) for one, link in desk.chosen_links(site, forwarder)]
    except MistakeError:
        if not left:
            raise
        links = []
    return [*_of(desk, links, removed=False), *_of(desk, left, removed=True)]


def _of(desk: Desk, links: Iterable[tuple[str, str]], *, removed: bool) -> Iterable[Outbox]:
    for site, forwarder in links:
        for partition in desk.partitions:
            yield Outbox(site, forwarder, partition, removed)
