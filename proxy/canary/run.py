"""Sends the canary's conversions, and says what became of them.

Each turn sends two: one with every consent, which must arrive at the vendor, and one without, which must not.
"""

import asyncio
import logging
import secrets
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import aiohttp

from proxy.admin import Part
from proxy.canary.sink import Sink
from proxy.canary.site import HOST, ingest_key, visitor_of
from proxy.facts import Fact
from proxy.metrics import CANARY_DURATION, CANARY_LAST, CANARY_LEAKS, CANARY_RUNS

log = logging.getLogger("sayso.canary")
_ANSWER_S: Final = 10.0
_MONTH_S: Final = 30 * 86_400
_REMEMBERED: Final = 100
_YES: Final = dict.fromkeys(
    ("analytics_storage", "ad_storage", "ad_user_data", "ad_personalization"), "granted"
)
_NO: Final = dict.fromkeys(_YES, "denied")


class Result(StrEnum):
    """How a turn went. ``LATE``: taken, and not delivered before the next turn; ``REFUSED``: not taken."""

    ARRIVED = "arrived"
    LATE = "late"
    REFUSED = "refused"


@dataclass(slots=True)
class Canary:
    """Runs until cancelled.

    Args:
        url: where the gateway takes events.
        key: the installation's secret.
        every_s: seconds from one turn to the next.
        sink: the vendor.
    """

    url: str
    key: bytes
    every_s: float
    sink: Sink
    last: Result | None = None
    leaks: int = 0
    """How often the event without consent was delivered. It never is."""
    _results: Counter[Result] = field(default_factory=Counter)
    _arrived_at: float = 0.0
    _unwanted: deque[str] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    async def run(self) -> None:
        """Take turns."""
        timeout = aiohttp.ClientTimeout(total=_ANSWER_S)
        async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as session:
            while True:
                began = time.monotonic()
                await self.turn(session)
                await asyncio.sleep(max(self.every_s - (time.monotonic() - began), 0.0))

    async def turn(self, session: aiohttp.ClientSession) -> Result:
        """Send both, and wait for the one that must arrive."""
        wanted, unwanted = (f"canary-{secrets.token_hex(8)}" for _ in range(2))
        began = time.monotonic()
        taken = await self._send(session, unwanted, _NO) and await self._send(session, wanted, _YES)
        if not taken:
            result = Result.REFUSED
        elif await self.sink.wait(wanted, self.every_s):
            result = Result.ARRIVED
            CANARY_DURATION.observe(time.monotonic() - began)
            self._arrived_at = time.time()
        else:
            result = Result.LATE
        self._results[result] += 1
        self._unwanted.append(unwanted)
        for order in [one for one in self._unwanted if self.sink.came(one)]:
            self._unwanted.remove(order)
            self.leaks += 1
            log.error("the canary's event without consent was delivered: tell us")
        if result is not self.last:
            level = logging.INFO if result is Result.ARRIVED else logging.WARNING
            log.log(level, "the canary's conversion: %s", result.value, extra={"outcome": result.value})
        self.last = result
        return result

    async def _send(self, session: aiohttp.ClientSession, order: str, consent: dict[str, str]) -> bool:
        event = {
            "name": "purchase",
            "event_id": order,
            "visitor": visitor_of(self.key, int(time.time()) // _MONTH_S),
            "params": {"transaction_id": order, "value": 1, "currency": "XTS"},
            "consent": consent,
        }
        headers = {"Host": HOST, "Authorization": f"Bearer {ingest_key(self.key)}"}
        try:
            async with session.post(f"{self.url}/collect", json=event, headers=headers) as answer:
                return answer.status == 204
        except (aiohttp.ClientError, TimeoutError):
            return False

    def facts(self) -> list[Fact]:
        """Tell how all turns went, and when the last conversion arrived."""
        return [
            *(Fact(CANARY_RUNS, self._results[one], (one.value,)) for one in Result),
            Fact(CANARY_LEAKS, self.leaks),
            Fact(CANARY_LAST, self._arrived_at),
        ]

    async def part(self) -> dict[str, Part]:
        """Say how the last turn went."""
        if self.leaks:
            return {"canary": Part("degraded", "an event without consent was delivered")}
        if self.last in {None, Result.ARRIVED}:
            return {"canary": Part("ready")}
        words = "was not taken" if self.last is Result.REFUSED else "did not arrive in time"
        return {"canary": Part("degraded", f"the last conversion {words}")}
