"""How far each chain has got, noted in the store: rows that are cut off at the end of the files are missed by it."""

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from proxy.audit.chain import Link
from proxy.store.client import Store
from proxy.store.keys import AUDIT


@dataclass(frozen=True, slots=True)
class Head:
    """A chain's last row that the store knows of. ``where`` says on which machine and in which folder, ``at`` when (Unix ms)."""

    link: Link
    where: str
    at: int


def place_of(folder: Path) -> str:
    """Return how a folder of this machine is called in a head."""
    return f"{socket.gethostname()}:{folder.resolve()}"


async def note(store: Store, chain: str, link: Link, folder: Path, now_ms: int) -> None:
    """Note how far a chain has got.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    body = {"number": link.number, "hash": link.hash, "where": place_of(folder), "at": now_ms}
    await store.write("HSET", AUDIT, chain, orjson.dumps(body))


async def read_heads(store: Store) -> dict[str, Head]:
    """Return the heads by their chain's name; what is not ours is left out.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    found: dict[str, Head] = {}
    fields: Any = await store.guarded(store.redis.hgetall(AUDIT))
    for name, raw in fields.items():
        try:
            body = orjson.loads(raw)
            link = Link(int(body["number"]), str(body["hash"]))
            found[name.decode()] = Head(link, str(body["where"]), int(body["at"]))
        except (ValueError, KeyError, TypeError):
            continue
    return found
