"""The outbox, taking side: events become entries, durably, deduped and counted, in one script per group."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from proxy.chance import hex_id
from proxy.store.client import Store, script
from proxy.store.commit import GroupCommit
from proxy.store.keys import SEEN_TTL_S, outbox_keys, partition_keys, partition_of
from proxy.store.wire import Arg

_ACCEPT = script("accept")


@dataclass(slots=True, repr=False)
class Put:
    """One event on its way into the outbox.

    ``seen`` says whether its id is the client's own, and so may have come before. ``parts`` holds per forwarder its
    name, ``decision|reason``, and the encoded entry or None.
    """

    ref: str
    seen: bool
    site: str
    parts: list[tuple[str, str, bytes | None]]


class Outbox:
    """Takes events into the forwarders' streams."""

    def __init__(
        self, store: Store, *, partitions: int, most_entries: int, most_bytes: int = 1 << 40
    ) -> None:
        self._store = store
        self._partitions = partitions
        self._most = (most_entries, most_bytes)
        self._groups: list[GroupCommit[Put, bool]] = [
            GroupCommit(partial(self._put_group, partition)) for partition in range(partitions)
        ]
        self._streams: dict[tuple[int, str, str], str] = {}
        self._keys = [partition_keys(partition) for partition in range(partitions)]

    async def put(self, events: Sequence[Put]) -> list[bool]:
        """Store events; True for each that was new, False for a duplicate. When it returns, they are durable.

        Raises:
            StoreUnavailableError: at least one of them is not stored.
        """
        futures = [self._groups[partition_of(event.ref, self._partitions)].submit(event) for event in events]
        return [await future for future in futures]

    async def _put_group(self, partition: int, puts: Sequence[Put]) -> list[bool]:
        names = self._keys[partition]
        streams: list[str] = []
        seen: list[str] = []
        numbers: dict[tuple[str, str], int] = {}
        args: list[Arg] = [SEEN_TTL_S, *self._most, 0]
        for put in puts:
            site = put.site
            if put.seen:
                seen.append(names.seen + put.ref)
                args += (len(seen), site, len(put.parts))
            else:
                args += (0, site, len(put.parts))
            for name, decided, entry in put.parts:
                if entry is None:
                    args += (name, decided, 0, b"")
                    continue
                number = numbers.get((site, name))
                if number is None:
                    streams.append(self._stream(partition, site, name))
                    number = numbers[site, name] = len(streams)
                args += (name, decided, number, entry)
        args[3] = len(streams)
        group = f"{names.seen}group:{hex_id(8)}"
        answer = await self._store.run(_ACCEPT, [names.counts, group, *streams, *seen], args)
        return [mark == 49 for mark in answer]  # b"1"

    def _stream(self, partition: int, site: str, name: str) -> str:
        found = self._streams.get((partition, site, name))
        if found is None:
            found = self._streams[partition, site, name] = outbox_keys(partition, site, name).stream
        return found

    async def close(self) -> None:
        """Finish what is on its way."""
        for group in self._groups:
            await group.close()
