"""Delivery's spans: one for each entry of each attempt that came to something."""

import random
import time

from proxy.delivery.attempts import Attempt, Tried
from proxy.store.claims import End, Give, Lower, Park
from proxy.traces.ids import Sample, root_of, trace_id_of
from proxy.traces.spans import Attribute, Name, Pending, Put, Span, Value


class Attempts:
    """Tells of the attempts of one process.

    Args:
        put: takes spans.
        sample: which traces are told.
    """

    def __init__(self, put: Put, sample: Sample) -> None:
        self._put = put
        self._sample = sample

    def tell(self, attempt: Attempt) -> None:
        """Take what an attempt came to."""
        end_ns = time.time_ns()
        start_ns = end_ns - int(attempt.took_s * 1e9)
        for one in attempt.entries:
            trace_id = trace_id_of(one.ref)
            if not self._sample(trace_id):
                continue
            said = _said(one)
            if said is None:
                continue
            said[Attribute.SITE] = attempt.site
            said[Attribute.FORWARDER] = attempt.forwarder
            said[Attribute.DECISION] = attempt.mode
            said[Attribute.ATTEMPT] = one.attempt
            said[Attribute.EVENTS] = len(attempt.entries)
            if one.asked and attempt.status is not None:
                said[Attribute.STATUS] = attempt.status
            own = random.getrandbits(64) or 1
            self._put(Span(Name.DELIVER, trace_id, own, root_of(trace_id), start_ns, end_ns, said))


def _said(one: Tried) -> dict[Attribute, Value] | None:
    """Return how it ended, or what it waits for; None where nothing has happened."""
    match one.operation:
        case End(outcome=outcome, reason=reason):
            return {Attribute.OUTCOME: outcome, Attribute.REASON: reason}
        case Park():
            return {Attribute.OUTCOME: Pending.RETRY}
        case Lower():
            return {Attribute.OUTCOME: Pending.LOWERED}
        case Give() if one.asked:
            return {Attribute.OUTCOME: Pending.GIVEN_BACK}
        case None if one.asked:
            return {Attribute.OUTCOME: Pending.AGAIN}
        case _:
            return None
