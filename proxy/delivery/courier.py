"""What one forwarder of one site has at run time: its way out, its slots, its credentials, its breaker, its rules."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from forwarders.auth import Auth, ServiceAccountAuth
from forwarders.base import Response
from proxy.clocks import Reading, VendorClocks
from proxy.delivery.backoff import Breaker
from proxy.delivery.clock import Clock
from proxy.delivery.credentials import Credentials
from proxy.delivery.dating import RESOLUTION_MS, VendorTime
from proxy.delivery.egress import Egress
from proxy.delivery.oauth import TokenSource
from proxy.delivery.pace import Pace
from proxy.delivery.transport import Answer, NoAnswer, Outgoing, Ready, Transport, Trouble, Way
from proxy.delivery.triage import Fit
from proxy.entry import Entry
from proxy.logs import About
from proxy.metrics import (
    AGE_BUCKETS,
    CONSENT_AGE,
    DELIVERY_LAG,
    EGRESS_VIOLATIONS,
    LAG_BUCKETS,
    REQUEST_BUCKETS,
    STATUSES,
    VENDOR_REQUEST_DURATION,
)
from proxy.observe import Gathered
from proxy.reasons import Decision
from proxy.site import Link, Site

log = logging.getLogger("sayso.delivery")
_SPARE: Final = 2
"""Connections besides those of the slots: for a token, and for a question about an earlier request."""


class Courier:
    """Carries one forwarder's requests. All partitions of its outbox share it, and nobody else does.

    Args:
        site: whose events it carries.
        link: the forwarder and its rule.
        way: how requests leave.
        timeout_s: seconds that a request may take.
        in_flight: requests that may be under way at once.
        secrets: every secret of the configuration, which no request may hold.
        pace: how long things take.
        clock: the time.
        chance: returns random numbers in [0, 1).
        clocks: told of the vendor's clock, where that is another machine's.
    """

    def __init__(
        self,
        site: Site,
        link: Link,
        *,
        way: Way,
        timeout_s: float,
        in_flight: int,
        secrets: frozenset[str],
        pace: Pace,
        clock: Clock,
        chance: Callable[[], float],
        clocks: VendorClocks | None = None,
    ) -> None:
        self.site = site
        self.link = link
        self.forwarder = link.forwarder
        self.slots = asyncio.Semaphore(in_flight)
        self.breaker = Breaker(clock.monotonic, chance, pace.patience)
        self.egress = Egress(link.forwarder, secrets)
        self.secrets = secrets
        self.fit = Fit(link.forwarder.batch)
        self._clock = clock
        self._transport = Transport(way, connections=in_flight + _SPARE, timeout_s=timeout_s)
        self._credentials = {
            Decision.FULL: self._credentials_for(link.forwarder.auth, chance),
            Decision.COOKIELESS: self._credentials_for(link.forwarder.cookieless_auth, chance),
        }
        self._durations = {
            status: Gathered(VENDOR_REQUEST_DURATION.labels(link.name, status), REQUEST_BUCKETS)
            for status in STATUSES
        }
        self._ages = Gathered(CONSENT_AGE, AGE_BUCKETS)
        self._vendor_time = VendorTime()
        self._clocks = clocks
        self._lags = {
            conversion: Gathered(DELIVERY_LAG.labels(site.name, link.name, events), LAG_BUCKETS)
            for conversion, events in ((True, "conversion"), (False, "other"))
        }
        self.log = About(log, site=site.name, forwarder=link.name)
        """Writes lines about this forwarder."""
        self._violations = EGRESS_VIOLATIONS.labels(site.name, link.name)

    def _credentials_for(self, auth: Auth, chance: Callable[[], float]) -> Credentials:
        tokens = (
            TokenSource(auth, self._transport, self._clock, chance)
            if isinstance(auth, ServiceAccountAuth)
            else None
        )
        return Credentials(auth, tokens)

    @property
    def name(self) -> str:
        """``site/forwarder``, for logs."""
        return f"{self.site.name}/{self.link.name}"

    def credentials(self, mode: Decision) -> Credentials:
        """Return how requests of a mode authenticate."""
        return self._credentials[mode]

    def latest_ms(self) -> int:
        """Return the latest time that a request may tell: now, by the clock of ours and the vendor's that is behind."""
        return self._vendor_time.latest_ms(self._clock.now_ms(), self._clock.monotonic())

    def answered(self, entry: Entry) -> None:
        """Note that the vendor has said its final word on an entry."""
        seconds = max(self._clock.now_ms() - entry.accepted_ms, 0) / 1000
        self._lags[entry.event.name in self.site.conversions].observe(seconds)

    def asked(self, age_s: float) -> None:
        """Note how old the consent was with which a full request started."""
        self._ages.observe(age_s)

    def count_violation(self) -> None:
        """Count an event that was not sent because of what its request held."""
        self._violations.inc()

    async def send(self, outgoing: Outgoing, *, ready: Ready | None = None) -> Answer:
        """Send a request; how long the vendor took is measured."""
        start, asked_ms = self._clock.monotonic(), self._clock.now_ms()
        answer = await self._transport.send(outgoing, ready=ready)
        end = self._clock.monotonic()
        if isinstance(answer, Response):
            theirs_ms = self._vendor_time.learn(answer.headers, start)
            if theirs_ms is not None and self._clocks is not None:
                reading = Reading.of(asked_ms, self._clock.now_ms(), theirs_ms, RESOLUTION_MS)
                self._clocks.note(self.name, reading, end)
        status = _status(answer)
        if status is not None:
            self._durations[status].observe(end - start)
        return answer

    async def close(self) -> None:
        """Close its connections, and hand over what was measured."""
        await self._transport.close()
        for gathered in (*self._durations.values(), *self._lags.values(), self._ages):
            gathered.hand_over()


def _status(answer: Answer) -> str | None:
    """Return the label of an answer; None where no request was made."""
    match answer:
        case Response(status=429):
            return "429"
        case Response(status=status):
            return f"{min(max(status // 100, 2), 5)}xx"
        case NoAnswer(Trouble.TIMEOUT):
            return "timeout"
        case NoAnswer():
            return "error"
        case _:
            return None
