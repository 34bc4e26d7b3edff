"""A vendor that answers with the verdict itself, as a test wrote it."""

from typing import ClassVar

from forwarders.base import Batch, Response, read_status
from forwarders.verdicts import (
    Delivered,
    Refused,
    Resend,
    Split,
    Verdict,
)
from tests.support.delivery import TestForwarder


class Telling(TestForwarder):
    """A vendor whose answer names the verdict, as the test wrote it."""

    batch: ClassVar[Batch] = Batch(limit=8)

    def read(self, response: Response, count: int) -> Verdict:
        """Read ``{"verdict": ..., "refused": {...}}``; by status without."""
        answer = response.json if isinstance(response.json, dict) else {}
        refused = {int(index): words for index, words in answer.get("refused", {}).items()}
        verdicts: dict[str, Verdict] = {
            "delivered": Delivered(refused),
            "resend": Resend(refused),
            "split": Split("one of them is bad"),
            "refused": Refused("bad, all of them"),
        }
        named = answer.get("verdict")
        return read_status(response) if named is None else verdicts[named]
