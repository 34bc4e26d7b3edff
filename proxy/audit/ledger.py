"""The ledger: reads the store's trail, writes its rows to the chain of files, and only then deletes them from the store.

One process of an installation does so at a time: who holds the lease in the store and the lock of the folder. Each row
says from which record of the trail it was made, so that whoever comes after a crash goes on behind the last row that was
written: every row stands in the chain once.
"""

import asyncio
import fcntl
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from proxy.audit import heads
from proxy.audit.daykeys import day_before, destroy_old
from proxy.audit.rows import Row, mark_of, rows_of
from proxy.audit.segments import Writer, chain_name, keep_private, set_aside
from proxy.store.client import Store, StoreUnavailableError, script
from proxy.store.keys import AUDIT_LEASE, partition_keys

log = logging.getLogger("sayso.audit")

_LEASE: Final = script("lease")
_AT_ONCE: Final = 100
"""Records of the trail that are written together; each holds what one script did, up to some hundred events."""

Record = tuple[str, Mapping[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where the trail is kept, for how many days, and for how many days a visitor's rows can be found."""

    folder: Path
    keep_days: int = 90
    link_days: int = 90
    key_file: Path | None = None
    """Where the chain's key is kept beside the embedded store, so that files can be verified while that does not run."""


class Ledger:
    """See the module.

    Args:
        store: where the trail is.
        key: the chain's key.
        keeping: where the files are, and for how long.
        partitions: how many parts the trail has.
        owner: this process's name; unique per start.
        clock: Unix time, ms.
        turn_s: between looks at the trail.
        lease_ms: after so long without a sign of life another process takes over.
    """

    def __init__(
        self,
        store: Store,
        key: bytes,
        keeping: Keeping,
        *,
        partitions: int,
        owner: str,
        clock: Callable[[], int],
        turn_s: float = 1.0,
        lease_ms: int = 5000,
    ) -> None:
        self._store = store
        self._key = key
        self._keeping = keeping
        self._partitions = partitions
        self._owner = owner
        self._clock = clock
        self._turn_s = turn_s
        self._lease_ms = lease_ms
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._writer: Writer | None = None
        self._lock: int | None = None
        self._chain = ""
        self._resume: object = None
        """Where the last row came from that was there when the files were opened: its record may still be in the store."""
        self._tidied = ""
        self._leased_at = 0.0
        self._away = False
        self.trouble = ""
        """Why nothing can be written now, in words; empty: nothing is wrong."""

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._run())

    async def stop(self, within_s: float = 2.0) -> None:
        """Write what is there, and give the lease back; what that takes longer for, others will do."""
        self._stopping.set()
        if self._task is not None:
            _, late = await asyncio.wait([self._task], timeout=within_s)
            if late:
                # The disk or the store hangs. A row may still be on its way to the file: the lock goes when we are gone.
                self._task.cancel()
                return
        self._close()
        if self._away:
            return
        try:
            await self._store.run(_LEASE, [AUDIT_LEASE], [self._owner, 0])
        except StoreUnavailableError as error:
            log.debug("the ledger's lease could not be given back (%s)", error)

    async def _run(self) -> None:
        while not self._stopping.is_set():
            self._away = await self._try()
            try:
                async with asyncio.timeout(self._turn_s):
                    await self._stopping.wait()
            except TimeoutError:
                continue
        if not self._away:
            self._away = await self._try()

    async def _try(self) -> bool:
        """Take a turn; True if the store is away."""
        try:
            await self.turn()
        except StoreUnavailableError as error:
            log.debug("the ledger waits for the store (%s)", error)
            self._close()
            return True
        except (OSError, ValueError) as error:
            words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            words = f"the audit trail cannot be written to {self._keeping.folder}: {words}"
            if words != self.trouble:
                log.error("%s; its rows wait in the store", words)  # noqa: TRY400  # the words say it
            self.trouble = words
            self._close()
        return False

    async def turn(self) -> None:
        """Write what the trail holds, if this is the process that does so.

        Raises:
            StoreUnavailableError: the store does not answer; nothing is lost or written twice.
            OSError: the files cannot be written.
            ValueError: they do not end as a chain does.
        """
        if not await self._leads():
            self._close()
            return
        if self._writer is None and not await asyncio.to_thread(self._open):
            return  # another process of this machine has not let go of the folder yet
        writer = self._writer
        if writer is None:
            return
        for partition in range(self._partitions):
            await self._drain(writer, partition)
        self._resume = None
        await self._tidy(writer)
        if self.trouble:
            log.info("the audit trail is written again")
        self.trouble = ""

    async def _leads(self) -> bool:
        held = await self._store.run(_LEASE, [AUDIT_LEASE], [self._owner, self._lease_ms])
        self._leased_at = asyncio.get_running_loop().time()
        return int(held) == 1

    def _open(self) -> bool:
        """Open the chain at its end; False if another process holds it."""
        folder = self._keeping.folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        self._lock = lock
        if set_aside(folder, self._key):
            log.warning("the audit trail was begun under another key, and is set aside in %s", folder)
        self._chain = chain_name(folder)
        if self._keeping.key_file is not None:
            keep_private(self._keeping.key_file, self._key.hex())
        self._writer = Writer(folder, self._key)
        self._resume = self._writer.last.get("from")
        return True

    def _close(self) -> None:
        self._writer = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def _drain(self, writer: Writer, partition: int) -> None:
        """Write one partition's trail until there is no more of it."""
        trail = partition_keys(partition).trail
        while True:
            found: list[Any] = await self._store.guarded(
                self._store.redis.xrange(trail, "-", "+", count=_AT_ONCE)
            )
            if not found:
                return
            records = [(stream_id.decode(), fields) for stream_id, fields in found]
            day = day_before(self._clock(), 0)
            await asyncio.to_thread(self._write, writer, day, partition, records)
            await heads.note(self._store, self._chain, writer.link, self._keeping.folder, self._clock())
            await self._store.guarded(self._store.redis.xdel(trail, *(one for one, _ in records)))
            if len(records) < _AT_ONCE:
                return
            if (asyncio.get_running_loop().time() - self._leased_at) * 3000 > self._lease_ms and (
                not await self._leads()
            ):
                self._close()
                raise StoreUnavailableError("another process writes the audit trail now")

    def _write(self, writer: Writer, day: str, partition: int, records: list[Record]) -> None:
        """Append the rows of these records, but for those that are written already."""
        rows: list[Row] = []
        for stream_id, fields in records:
            mark = mark_of(self._key, partition, stream_id)
            for number, row in enumerate(rows_of(stream_id, fields)):
                origin = f"{mark}.{number}"
                if origin == self._resume:  # what stands before it in the trail was written before it
                    rows.clear()
                else:
                    rows.append({**row, "from": origin})
        writer.append(day, rows)

    async def _tidy(self, writer: Writer) -> None:
        """Once a day: remove files that are too old, and destroy the keys of days that are."""
        now_ms = self._clock()
        today = day_before(now_ms, 0)
        if self._tidied == today:
            return
        removed = await asyncio.to_thread(writer.expire, day_before(now_ms, self._keeping.keep_days))
        if removed:
            log.info(
                "the audit trail: %d files were older than %d days", len(removed), self._keeping.keep_days
            )
            await heads.note(self._store, self._chain, writer.link, self._keeping.folder, now_ms)
        await destroy_old(self._store, now_ms, self._keeping.link_days)
        self._tidied = today
