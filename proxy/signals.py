"""The four consent signals and a visitor's state of them. Pure types, no rules."""

from dataclasses import dataclass
from enum import StrEnum

from proxy.reasons import Reason


class Value(StrEnum):
    """What is known of one signal."""

    GRANTED = "granted"
    DENIED = "denied"
    UNKNOWN = "unknown"


class Signal(StrEnum):
    """Google Consent Mode v2's signals, in the order in which every code and tuple here lists them."""

    ANALYTICS_STORAGE = "analytics_storage"
    AD_STORAGE = "ad_storage"
    AD_USER_DATA = "ad_user_data"
    AD_PERSONALIZATION = "ad_personalization"


SIGNALS: tuple[Signal, ...] = tuple(Signal)
AD_SIGNALS: tuple[Signal, ...] = (Signal.AD_STORAGE, Signal.AD_USER_DATA, Signal.AD_PERSONALIZATION)
INDEX: dict[Signal, int] = {signal: position for position, signal in enumerate(SIGNALS)}

_LETTER = {Value.GRANTED: "g", Value.DENIED: "d", Value.UNKNOWN: "u"}
_VALUE = {letter: value for value, letter in _LETTER.items()}


@dataclass(frozen=True, slots=True)
class Signals:
    """A value for each of the four signals."""

    analytics_storage: Value = Value.UNKNOWN
    ad_storage: Value = Value.UNKNOWN
    ad_user_data: Value = Value.UNKNOWN
    ad_personalization: Value = Value.UNKNOWN

    def values(self) -> tuple[Value, Value, Value, Value]:
        """Return the four values in the order of ``SIGNALS``."""
        return (self.analytics_storage, self.ad_storage, self.ad_user_data, self.ad_personalization)

    def granted(self, signal: Signal) -> bool:
        """Tell whether this one signal is granted."""
        return self.values()[INDEX[signal]] is Value.GRANTED

    def all_granted(self) -> bool:
        """Tell whether all four are granted."""
        return self is ALL_GRANTED or self.values() == ALL_GRANTED.values()

    def code(self) -> str:
        """Return four letters, ``g``, ``d`` or ``u``, in the order of ``SIGNALS``."""
        return (
            _LETTER[self.analytics_storage]
            + _LETTER[self.ad_storage]
            + _LETTER[self.ad_user_data]
            + _LETTER[self.ad_personalization]
        )

    @staticmethod
    def of(analytics: Value, storage: Value, user_data: Value, personalization: Value) -> "Signals":
        """Return the one object for these four values (``ALL_GRANTED`` and its like can then be told by ``is``)."""
        return _BY_CODE[_LETTER[analytics] + _LETTER[storage] + _LETTER[user_data] + _LETTER[personalization]]

    @staticmethod
    def from_code(code: str) -> "Signals":
        """Read what ``code`` wrote.

        Raises:
            ValueError: the text is not four of the letters ``g``, ``d``, ``u``.
        """
        found = _BY_CODE.get(code)
        if found is None:
            raise ValueError("not a consent code")
        return found


def _every_code() -> dict[str, Signals]:
    letters = tuple(_VALUE)
    return {
        a + b + c + d: Signals(_VALUE[a], _VALUE[b], _VALUE[c], _VALUE[d])
        for a in letters
        for b in letters
        for c in letters
        for d in letters
    }


# All 81 states exist once, so that a state can be compared, cached and looked up cheaply.
_BY_CODE = _every_code()
ALL_GRANTED = _BY_CODE["gggg"]
ALL_DENIED = _BY_CODE["dddd"]
ALL_UNKNOWN = _BY_CODE["uuuu"]


@dataclass(frozen=True, slots=True)
class ConsentState:
    """What one visitor's consent amounts to for one event, after all sources were combined.

    ``why`` says for each signal how it came to its value: ``Reason.GRANTED`` where it is granted, otherwise one of
    the reasons from ``CONSENT_UNREADABLE`` to ``CONSENT_UNKNOWN``. ``explicit`` is true when the visitor (or a site
    on the visitor's behalf) has made any choice, which Google's ``gcd`` tells apart from a default. ``garbled`` is true
    when what cannot be read is a source of this request, such as a banner's cookie, and not what is stored.
    """

    signals: Signals
    why: tuple[Reason, Reason, Reason, Reason]
    source: str = ""
    decided_at: int = 0
    gpc: bool = False
    explicit: bool = False
    garbled: bool = False


UNKNOWN_STATE = ConsentState(ALL_UNKNOWN, (Reason.CONSENT_UNKNOWN,) * 4)
