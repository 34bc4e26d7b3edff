"""Asks vendors later what became of what they took, and counts what they refused after all."""

import asyncio
import logging

from forwarders.base import Forwarder, Response
from forwarders.verdicts import AskAgain, LateAnswer
from proxy.delivery.after import parse_reference, reference_of
from proxy.delivery.backoff import State
from proxy.delivery.courier import Courier
from proxy.delivery.credentials import CredentialError, outgoing
from proxy.delivery.pace import Pace
from proxy.delivery.triage import MAPPING_ERRORS
from proxy.reasons import Decision
from proxy.store.claims import Answered, AskedAgain, Claims
from proxy.store.client import StoreUnavailableError

log = logging.getLogger("sayso.delivery")


def has_follow_ups(forwarder: Forwarder) -> bool:
    """Tell whether there is anything to ask this vendor later."""
    return type(forwarder).follow_up is not Forwarder.follow_up


class FollowUps:
    """Asks about the deliveries of one outbox partition.

    Args:
        courier: the forwarder's way out.
        claims: where references wait, and answers are counted.
        pace: how often to look.
    """

    def __init__(self, courier: Courier, claims: Claims, pace: Pace) -> None:
        self._courier = courier
        self._claims = claims
        self._pace = pace

    async def run(self) -> None:
        """Ask until cancelled. A question that finds no answer comes again by itself."""
        while True:
            try:
                if self._courier.breaker.state is not State.HELD:
                    for text in await self._claims.asks_due():
                        await self._ask(text)
            except StoreUnavailableError as error:
                log.debug("%s: cannot look for questions (%s)", self._courier.name, error)
            await asyncio.sleep(self._pace.asks_s)

    async def _ask(self, text: str) -> None:
        attempt, reference = parse_reference(text)
        forwarder = self._courier.forwarder
        try:
            request = forwarder.follow_up(reference)
            credentials = self._courier.credentials(Decision.FULL)
            credential = await credentials.get()
            if (violation := self._courier.egress.check(request, b"", Decision.FULL)) is not None:
                log.error("%s: egress violation (%s) by a question, not sent", self._courier.name, violation)
                await self._claims.settle([Answered(text, 0)])
                return
            answer = await self._courier.send(outgoing(request, b"", credential))
            if not isinstance(answer, Response):
                return
            if answer.status == 401:
                credentials.renew(credential)
            verdict = forwarder.read_follow_up(answer, attempt)
        except CredentialError as error:
            log.debug("%s: cannot ask (%s)", self._courier.name, error)
            return
        except MAPPING_ERRORS as error:
            log.warning("%s: cannot ask or read an answer (%s)", self._courier.name, type(error).__name__)
            return
        match verdict:
            case AskAgain(after):
                again = reference_of(attempt + 1, reference)
                await self._claims.settle([AskedAgain(text, again, int(after * 1000))])
            case LateAnswer(refused):
                if refused:
                    log.warning("%s: refused later: %s", self._courier.name, dict(refused))
                await self._claims.settle([Answered(text, sum(refused.values()))])
