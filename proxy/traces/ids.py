"""Which trace an event belongs to, and whether it is sampled: from the event's ref alone, so every process agrees. Pure."""

from hashlib import blake2b
from typing import Final

_REF_DIGITS: Final = 24
_RANDOM_BITS: Final = 56
"""The low bits of a trace id are those that sampling goes by (W3C Trace Context, level 2: random trace id)."""
_MASK: Final = (1 << _RANDOM_BITS) - 1


def trace_id_of(ref: str) -> int:
    """Return the trace of an event: its ref of 24 hex digits, and 8 more that follow from it."""
    raw = ref.encode()
    try:
        if len(raw) == _REF_DIGITS:
            return int(ref + blake2b(raw, digest_size=4, person=b"sayso.trace").hexdigest(), 16) or 1
    except ValueError:  # no hex digits: not a ref of ours, but an entry of it may be in the store
        pass
    return int.from_bytes(blake2b(raw, digest_size=16, person=b"sayso.trace").digest())


def root_of(trace_id: int) -> int:
    """Return the id of a trace's first span, under which all others stand, whichever process they come from."""
    raw = trace_id.to_bytes(16)
    return int.from_bytes(blake2b(raw, digest_size=8, person=b"sayso.root").digest()) or 1


class Sample:
    """Decides which traces are sent.

    Args:
        share: 0 to 1.
    """

    def __init__(self, share: float) -> None:
        self._least = (1 << _RANDOM_BITS) - int(share * (1 << _RANDOM_BITS))

    def __call__(self, trace_id: int) -> bool:
        """Tell whether the spans of a trace are sent."""
        return trace_id & _MASK >= self._least
