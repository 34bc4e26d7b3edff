"""The states of a visitor's consent, and what leads from one to the next. Pure; written down once.

The only writers of a record are ``scripts/consent.lua`` and ``scripts/erase.lua``; tests hold both to ``NEXT``, and
``docs/consent-states.md`` is printed from it. A state is one signal's. ``WITHDRAWN`` is the whole record's: all four
signals are in it together, and never leave it: whoever grants again is given a new id, with a record of its own.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, Literal

from proxy.signals import Value

Mode = Literal["decide", "fill", "withdraw"]


class State(StrEnum):
    """How one signal stands under one id."""

    UNKNOWN = "unknown"
    DENIED = "denied"
    GRANTED = "granted"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class Input(StrEnum):
    """What can happen to it."""

    NEWER_GRANT = "newer_grant"
    OLDER_GRANT = "older_grant"
    FILLED_GRANT = "filled_grant"
    DOUBTED_GRANT = "doubted_grant"
    DENIAL = "denial"
    FILLED_DENIAL = "filled_denial"
    SILENCE = "silence"
    NO_BASIS = "no_basis"
    WITHDRAWAL = "withdrawal"
    ERASURE = "erasure"
    TIME = "time"
    END = "end"
    NEW_ID = "new_id"


IN_WORDS: Final[Mapping[Input, str]] = {
    Input.NEWER_GRANT: "a grant that is newer than what is stored, from who may grant",
    Input.OLDER_GRANT: "a grant that is as old as what is stored, or older; the same one once more",
    Input.FILLED_GRANT: "a grant of a source without a time",
    Input.DOUBTED_GRANT: "a grant with which the banner's own cookie does not agree",
    Input.DENIAL: "a denial, however old, from wherever",
    Input.FILLED_DENIAL: "a denial of a source without a time",
    Input.SILENCE: "a statement that does not name the signal",
    Input.NO_BASIS: "another signal's denial, after which no basis for an id is left",
    Input.WITHDRAWAL: "everything is withdrawn",
    Input.ERASURE: "everything is erased",
    Input.TIME: "`consent_max_age_days` pass",
    Input.END: "the record's own life ends, 30 days after that",
    Input.NEW_ID: "the visitor gets a new id: what its record starts with",
}

_U, _D, _G, _E, _W = State
_OVER: Final = {Input.NO_BASIS: _W, Input.WITHDRAWAL: _W, Input.ERASURE: _W, Input.END: _U, Input.NEW_ID: _U}

NEXT: Final[Mapping[State, Mapping[Input, State]]] = {
    _U: {
        Input.NEWER_GRANT: _G,
        Input.OLDER_GRANT: _G,
        Input.FILLED_GRANT: _G,
        Input.DOUBTED_GRANT: _G,
        Input.DENIAL: _D,
        Input.FILLED_DENIAL: _D,
        Input.SILENCE: _U,
        Input.TIME: _U,
        **_OVER,
    },
    _D: {
        Input.NEWER_GRANT: _G,
        Input.OLDER_GRANT: _D,
        Input.FILLED_GRANT: _D,
        Input.DOUBTED_GRANT: _D,
        Input.DENIAL: _D,
        Input.FILLED_DENIAL: _D,
        Input.SILENCE: _D,
        Input.TIME: _D,
        **_OVER,
    },
    _G: {
        Input.NEWER_GRANT: _G,
        Input.OLDER_GRANT: _G,
        Input.FILLED_GRANT: _G,
        Input.DOUBTED_GRANT: _G,
        Input.DENIAL: _D,
        Input.FILLED_DENIAL: _G,
        Input.SILENCE: _G,
        Input.TIME: _E,
        **_OVER,
    },
    _E: {
        Input.NEWER_GRANT: _G,
        Input.OLDER_GRANT: _E,
        Input.FILLED_GRANT: _E,
        Input.DOUBTED_GRANT: _E,
        Input.DENIAL: _D,
        Input.FILLED_DENIAL: _E,
        Input.SILENCE: _E,
        Input.TIME: _E,
        **_OVER,
    },
    _W: {
        **dict.fromkeys(Input, _W),
        Input.END: _U,
        Input.NEW_ID: _U,
    },
}
"""What each input makes of each state: complete, so that nothing is left to whoever writes the store."""

_GRANTS: Final = frozenset({Input.NEWER_GRANT, Input.OLDER_GRANT, Input.FILLED_GRANT, Input.DOUBTED_GRANT})
ALLOWS: Final = frozenset({State.GRANTED})
"""States in which an event may go out in full on consent."""


def input_of(letter: str, mode: Mode, *, newer: bool) -> Input:
    """Say what a statement is for one signal.

    Args:
        letter: what it states: ``g``, ``d``, ``u``, or ``f`` (a doubted grant).
        mode: how it is stated.
        newer: whether it was decided after what is stored, if anything is.
    """
    if mode == "withdraw":
        return Input.WITHDRAWAL
    if letter == "d":
        return Input.FILLED_DENIAL if mode == "fill" else Input.DENIAL
    if letter == "f":
        return Input.DOUBTED_GRANT
    if letter != "g":
        return Input.SILENCE
    if mode == "fill":
        return Input.FILLED_GRANT
    return Input.NEWER_GRANT if newer else Input.OLDER_GRANT


def applied(state: State, given: Input) -> bool:
    """Tell whether an input is taken as this signal's newest decision; what is not changes nothing at all."""
    after = NEXT[state][given]
    if given is Input.NEWER_GRANT:
        return after is State.GRANTED
    return given in _GRANTS and after is not state


def is_over(states: Sequence[State], *, interest: bool, gpc: bool) -> bool:
    """Tell whether four states leave no basis for an id, so that all of them end as withdrawn.

    A grant that has run out still holds the id until something else is decided; a visitor who does nothing has withdrawn
    nothing.

    Args:
        states: of the four signals, in the order of ``SIGNALS``.
        interest: whether statistics stand on legitimate interest.
        gpc: whether the browser objects, by Global Privacy Control.
    """
    held = {State.GRANTED, State.EXPIRED}
    if states[0] in held or states[1] in held:
        return False
    objection = states[0] is State.DENIED or (gpc and states[0] is State.UNKNOWN)
    return not interest or objection


def value_of(state: State) -> Value:
    """Return how the published record writes a state."""
    match state:
        case State.UNKNOWN:
            return Value.UNKNOWN
        case State.GRANTED | State.EXPIRED:
            return Value.GRANTED
        case State.DENIED | State.WITHDRAWN:
            return Value.DENIED
