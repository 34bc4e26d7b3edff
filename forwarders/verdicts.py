"""What an answer of a vendor means: closed sets, matched exhaustively by delivery."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Delivered:
    """The vendor took the batch, but for the events in ``refused`` (index in the batch: the vendor's words).

    ``follow_up`` names something to be asked about later (see ``Forwarder.follow_up``).
    """

    refused: Mapping[int, str] = field(default_factory=dict)
    follow_up: str | None = None


@dataclass(frozen=True, slots=True)
class Resend:
    """Nothing was taken, because of the events in ``refused``. Those are refused for good; the rest is sent again."""

    refused: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Split:
    """Nothing was taken, because of some event that the vendor does not name: halve the batch. One alone is refused."""

    words: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Every event of the batch is refused for good."""

    words: str


@dataclass(frozen=True, slots=True)
class Retry:
    """Nobody need act: the same batch goes again, unchanged, after ``after`` seconds or delivery's own backoff."""

    words: str
    after: float | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """Only an operator can mend it (credentials, permissions, API version): keep the entries, send nothing more."""

    words: str


@dataclass(frozen=True, slots=True)
class Renew:
    """The token was refused: get a new one and send once more; refused again, it is a ``Pause``."""

    words: str


Verdict = Delivered | Resend | Split | Refused | Retry | Pause | Renew


@dataclass(frozen=True, slots=True)
class AskAgain:
    """The vendor is not done: ask again after ``after`` seconds."""

    after: float


@dataclass(frozen=True, slots=True)
class LateAnswer:
    """The vendor is done. ``refused`` counts events that it refused after having taken them, by its own reason."""

    refused: Mapping[str, int]


FollowUpVerdict = AskAgain | LateAnswer
