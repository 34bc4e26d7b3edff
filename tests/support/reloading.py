"""Changing the configuration of a Sayso that runs, and people who go on buying meanwhile."""

import asyncio
import signal
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from tests.support.processes import Sayso
from tests.support.rig import PAGE
from tests.support.serving import event, metrics
from tests.support.waiting import wait_until

RIGHT = "sayso_config_last_reload_successful"
READ_AT = "sayso_config_last_reload_success_timestamp_seconds"
TOKEN = "token.txt"
_LOOK_S, _BREATH_S = 0.02, 0.01


def hang_up(sayso: Sayso) -> None:
    """Ask it to read its configuration again."""
    sayso.process.send_signal(signal.SIGHUP)


async def reload(session: aiohttp.ClientSession, sayso: Sayso) -> None:
    """Ask it to read its configuration again, and wait until that is in effect."""
    before = (await metrics(session, sayso.urls["admin"]))[READ_AT]
    hang_up(sayso)

    async def read() -> bool:
        found = await metrics(session, sayso.urls["admin"])
        return found[READ_AT] > before and found[RIGHT] == 1

    await wait_until(read, within_s=60, what="a configuration in effect")


async def refuse(session: aiohttp.ClientSession, sayso: Sayso) -> dict[str, Any]:
    """Ask it to read its configuration again, and wait until that is refused; return what ``/readyz`` says of it."""
    hang_up(sayso)

    async def read() -> bool:
        return (await metrics(session, sayso.urls["admin"]))[RIGHT] == 0

    await wait_until(read, within_s=60, what="a configuration that is refused")
    return (await health(session, sayso))["parts"]["configuration"]  # type: ignore[no-any-return]  # as it came


async def health(session: aiohttp.ClientSession, sayso: Sayso) -> dict[str, Any]:
    """Return what ``/readyz`` says."""
    async with session.get(f"{sayso.urls['admin']}/readyz") as answer:
        found: dict[str, Any] = await answer.json()
        return found


async def sums(session: aiohttp.ClientSession, sayso: Sayso, forwarder: str, site: str = "shop") -> bool:
    """Tell whether what a forwarder received is what has ended plus what waits."""
    found = await metrics(session, sayso.urls["admin"])
    who = f'forwarder="{forwarder}"'
    at = f'site="{site}"'
    ended = sum(
        value
        for name, value in found.items()
        if name.startswith("sayso_outcomes_total{") and who in name and at in name
    )
    received = found[f"sayso_events_received_total{{{at}}}"]
    return bool(received == ended + found[f"sayso_outbox_entries{{{who},{at}}}"])


class Crowd:
    """Clients that buy one after the other, each over a connection that it keeps, until the context ends.

    ``answers`` counts statuses, and by their names the errors of those that got none.

    Args:
        url: where they buy.
        size: how many there are. Every other one takes its time, so that its connection is idle in between.
    """

    def __init__(self, url: str, size: int = 6) -> None:
        self.answers: Counter[int | str] = Counter()
        self.accepted: set[str] = set()
        self._url = url
        self._size = size
        self._done = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._buy(number)) for number in range(self._size)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        await asyncio.gather(*self._tasks)

    async def more(self, number: int = 30) -> None:
        """Wait until so many more have been answered."""
        wanted = self.answers.total() + number
        await wait_until(lambda: self.answers.total() >= wanted, within_s=60, what="more answers")

    async def _buy(self, number: int) -> None:
        at = 0
        jar = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(headers=dict(PAGE), cookie_jar=jar) as session:
            while not self._done.is_set():
                at += 1
                order = f"T-{number}-{at}"
                try:
                    async with session.post(f"{self._url}/collect", json=event(order)) as answer:
                        self.answers[answer.status] += 1
                        if answer.status == 204:
                            self.accepted.add(order)
                except aiohttp.ClientError as error:
                    self.answers[type(error).__name__] += 1
                await asyncio.sleep(_LOOK_S * number if number % 2 else _BREATH_S)


def meta_shop(name: str = "shop", base: str = "/", *, forwarder: str = "meta", number: int = 1) -> str:
    """Return the tables of a site that sends to Meta alone, with a token from a file beside the configuration."""
    stanza = f"[sites.{name}.forwarders.{forwarder}]"
    kind = "" if forwarder == "meta" else 'type = "meta"'
    return f"""
[sites.{name}]
hosts = ["127.0.0.1"]
base_path = "{base}"
origins = ["https://shop.example"]
[sites.{name}.policy]
preset = "consent-mode"
{stanza}
{kind}
dataset_id = "{number}111111111"
access_token = "file:{TOKEN}"
"""


def write_token(folder: Path, token: str) -> None:
    """Put a token where ``meta_shop`` has it read from."""
    (folder / TOKEN).write_text(token + "\n", encoding="utf-8")
