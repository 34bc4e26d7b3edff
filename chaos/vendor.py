"""The fake vendors: one server for all four, which misbehaves as the plan says and is never hurt itself. Truth, part two."""

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import Self, cast
from urllib.parse import parse_qsl, urlsplit

from chaos.clients import vendor_of_key
from chaos.plan import TAKES, Ill, Illness
from chaos.vendor_wire import Connection
from chaos.vendor_words import (
    Answer,
    Asked,
    Shown,
    StrangeRequestError,
    accepted,
    read,
    refused,
    unauthorised,
)
from chaos.words import Vendor

_BEAT_S = 0.01


@dataclass(frozen=True, slots=True)
class Got:
    """One event that came in one request.

    Attributes:
        earliest: the request's first byte came at this time (monotonic s) or later; the loop may have been busy.
        taken: the vendor has it now, whatever it answered.
        refused: it was refused for good, and the answer said so of this very event.
        ill: how the vendor misbehaved, or None.
    """

    vendor: Vendor
    shown: Shown
    earliest: float
    request: int
    taken: bool
    refused: bool
    ill: Ill | None


@dataclass(slots=True)
class VendorLog:
    """All that the vendors know."""

    got: list[Got] = field(default_factory=list)
    requests: int = 0
    strange: list[str] = field(default_factory=list)
    hits: dict[tuple[Vendor, Ill], int] = field(default_factory=dict)


class FakeVendors:
    """``async with FakeVendors(seed, timeout_s=...) as vendors: ... vendors.origin``.

    Args:
        seed: for the choice of which requests are hit.
        timeout_s: how long Sayso waits for an answer; "too late" is later than that.
    """

    def __init__(self, seed: int, *, timeout_s: float) -> None:
        self.log = VendorLog()
        self.origin = ""
        self.timeout_s = timeout_s
        self._chance = random.Random(f"{seed}-vendors")
        self._ills: dict[tuple[Vendor, bool], list[Illness]] = {}
        self._beats = (0.0, 0.0)  # the earlier one: since then the loop may not have looked at its sockets
        self._healed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self.begin, lambda: self._beats[0]), "127.0.0.1", 0
        )
        port = self._server.sockets[0].getsockname()[1]
        self.origin = f"http://127.0.0.1:{port}"
        self._heart = asyncio.create_task(self._beat())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in [self._heart, *self._tasks]:
            task.cancel()
        await asyncio.gather(self._heart, *self._tasks, return_exceptions=True)

    async def _beat(self) -> None:
        while True:
            self._beats = (self._beats[1], time.monotonic())
            await asyncio.sleep(_BEAT_S)

    # --- illnesses --------------------------------------------------------------------------------------------------

    def fall_ill(self, illness: Illness) -> None:
        """Misbehave from now on."""
        self._healed.clear()
        self._ills.setdefault((illness.vendor, illness.token), []).append(illness)

    def recover(self, illness: Illness) -> None:
        """Stop misbehaving in this way."""
        here = self._ills.get((illness.vendor, illness.token), [])
        if illness in here:
            here.remove(illness)

    def heal(self) -> None:
        """Behave well from now on; whoever hangs is let go without an answer."""
        self._ills.clear()
        self._healed.set()

    def _pick(self, asked: Asked) -> Ill | None:
        if asked.vendor is None:
            return None
        for illness in self._ills.get((asked.vendor, asked.token), ()):
            if self._chance.random() < illness.chance:
                self._hit(asked.vendor, illness.ill)
                return illness.ill
        return None

    def _hit(self, vendor: Vendor, ill: Ill) -> None:
        self.log.hits[vendor, ill] = self.log.hits.get((vendor, ill), 0) + 1

    # --- one request ------------------------------------------------------------------------------------------------

    def begin(self, connection: Connection, target: str, body: bytes, earliest: float) -> None:
        """Take a whole request; the answer follows by itself."""
        task = asyncio.create_task(self._serve(connection, target, body, earliest))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, connection: Connection, target: str, body: bytes, earliest: float) -> None:
        self.log.requests += 1
        number = self.log.requests
        parts = urlsplit(target)
        host, _, path = parts.path.removeprefix("/").partition("/")
        try:
            asked = read(host, f"/{path}", dict(parse_qsl(parts.query, keep_blank_values=True)), body)
        except StrangeRequestError as error:
            self.log.strange.append(str(error))
            connection.answer(Answer(404))
            return
        ill = self._pick(asked)
        well = self._judge(asked, number, earliest, ill)
        if ill is None:
            connection.answer(well)
        else:
            await self._misbehave(connection, asked, ill, well)

    def _judge(self, asked: Asked, number: int, earliest: float, ill: Ill | None) -> Answer:
        """Note every event of a request; return what a vendor in good health answers."""
        bad = [at for at, one in enumerate(asked.events) if vendor_of_key(one.key) is asked.vendor]
        takes = ill is None or ill in TAKES
        alone = len(asked.events) == 1
        if bad:
            answer, others = refused(asked, bad)
            named = alone or asked.vendor in {Vendor.MICROSOFT, Vendor.ADS}
        else:
            answer, others, named = accepted(asked, number), True, False
        for at, one in enumerate(asked.events):
            is_bad = at in bad
            self.log.got.append(
                Got(
                    cast("Vendor", asked.vendor),
                    one,
                    earliest,
                    number,
                    taken=takes and others and not is_bad,
                    refused=takes and is_bad and named,
                    ill=ill,
                )
            )
        return answer

    async def _misbehave(self, connection: Connection, asked: Asked, ill: Ill, well: Answer) -> None:
        match ill:
            case Ill.HANG:
                await self._healed.wait()
                connection.abort()
            case Ill.RESET | Ill.RESET_AFTER:
                connection.abort()
            case Ill.LATE | Ill.SLOW:
                late = self.timeout_s + self._chance.uniform(0.1, 0.6)
                await asyncio.sleep(
                    late if ill is Ill.LATE else self._chance.uniform(0.1, self.timeout_s * 0.6)
                )
                connection.answer(well)
            case Ill.TRUNCATED:
                connection.answer(well, cut=True)
            case _:
                connection.answer(self._said_ill(asked, ill, well))

    def _said_ill(self, asked: Asked, ill: Ill, well: Answer) -> Answer:
        """Return the answer of a vendor that can still speak."""
        if ill is Ill.UNAUTHORISED:
            return unauthorised(asked)
        if ill is Ill.MALFORMED:
            # Broken off, an answer that refuses an event would not say any more which.
            names = b"error" in well.body
            broken = Answer(well.status, b'{"events_received": ', {"Content-Type": "application/json"})
            return well if names else broken
        status = 429 if ill in {Ill.LIMIT, Ill.LIMIT_AFTER} else self._chance.choice([500, 502, 503, 504])
        asks = ill in {Ill.LIMIT_AFTER, Ill.ERRORS_AFTER}
        return Answer(status, headers={"Retry-After": str(self._chance.randrange(1, 3))} if asks else {})
