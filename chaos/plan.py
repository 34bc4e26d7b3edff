"""What will happen, drawn from one seed: what visitors do, and what breaks when. The same seed gives the same plan."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from chaos.words import Vendor

# --- what breaks ----------------------------------------------------------------------------------------------------


class Blow(StrEnum):
    """A way to hurt processes, the store or the connections to it."""

    KILL_WORKER = "kill -9 gateway worker"
    KILL_PARENT = "kill -9 serve/gateway parent"
    KILL_DELIVER = "kill -9 deliver"
    KILL_STORE = "kill -9 Valkey"
    STOP_WORKER = "SIGSTOP gateway worker"
    STOP_PARENT = "SIGSTOP serve/gateway parent"
    STOP_DELIVER = "SIGSTOP deliver"
    STOP_STORE = "SIGSTOP Valkey"
    TERM_PARENT = "SIGTERM serve/gateway parent"
    TERM_DELIVER = "SIGTERM deliver"
    FULL_DISK = "full disk"
    SLOW_DISK = "slow disk (Valkey runs in slices)"
    CUT_MID_REPLY = "store connections cut mid-reply"
    CUT_ALL = "all store connections cut"
    STALL = "store connections stall"
    SWALLOW = "store replies swallowed, then cut"
    REFUSE = "store refuses connections"


ONE_BLOWS = (
    Blow.KILL_WORKER,
    Blow.KILL_PARENT,
    Blow.KILL_STORE,
    Blow.STOP_WORKER,
    Blow.STOP_PARENT,
    Blow.STOP_STORE,
    Blow.TERM_PARENT,
    Blow.FULL_DISK,
    Blow.SLOW_DISK,
)
"""What can be done to ``sayso serve`` with the embedded store."""
APART_BLOWS = tuple(Blow)
"""What can be done to gateways and deliverers with a store of their own."""


class Ill(StrEnum):
    """A way for a vendor to misbehave."""

    HANG = "hangs"
    RESET = "resets at the first byte"
    RESET_AFTER = "takes it, then resets"
    LATE = "takes it, answers too late"
    SLOW = "takes it slowly"
    LIMIT = "429"
    LIMIT_AFTER = "429 with Retry-After"
    ERRORS = "5xx"
    ERRORS_AFTER = "503 with Retry-After"
    UNAUTHORISED = "401"
    TRUNCATED = "takes it, truncated answer"
    MALFORMED = "takes it, malformed answer"


TAKES = frozenset({Ill.RESET_AFTER, Ill.LATE, Ill.SLOW, Ill.TRUNCATED, Ill.MALFORMED})
"""Those in which the vendor has the event all the same."""


_META_LIMIT_S = 60.0
"""Sayso leaves Meta alone for a minute after a 429, as Meta's rate limits go on; towards the end that would only wait."""


_DELIVERS = frozenset({Blow.STOP_DELIVER, Blow.STOP_PARENT})
_FELLS = frozenset({Blow.KILL_PARENT, Blow.TERM_PARENT, Blow.STOP_PARENT})
_LONG_S = 60.0
"""In a campaign of this length who delivers may be frozen for so long that others take it for dead, after 15 s."""


@dataclass(frozen=True, slots=True)
class Strike:
    """A blow at ``at`` seconds from the start, for ``lasts`` seconds. ``which`` picks among several targets."""

    at: float
    lasts: float
    blow: Blow
    which: int


@dataclass(frozen=True, slots=True)
class Illness:
    """A vendor misbehaves with that chance per request. ``token``: it is Google's token server that does."""

    at: float
    lasts: float
    vendor: Vendor
    ill: Ill
    chance: float
    token: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """All that breaks in one run of ``seconds``."""

    seconds: float
    strikes: Sequence[Strike]
    illnesses: Sequence[Illness]


def make_plan(seed: int, seconds: float, blows: Sequence[Blow], *, alone: bool = False) -> Plan:
    """Draw a plan. Every blow comes once before any comes twice.

    Args:
        seed: what is drawn from.
        seconds: for how long.
        blows: those that can be dealt.
        alone: there is one parent. When it is felled nothing else is left to hit for some seconds.
    """
    chance = random.Random(f"{seed}-blows")
    strikes: list[Strike] = []
    bag: list[Blow] = []
    at = 1.5
    while at < seconds - 1:
        if not bag:
            bag = chance.sample(blows, len(blows))
        blow = bag.pop()
        lasts = chance.uniform(0.3, 5.0)
        if blow in _DELIVERS and seconds >= _LONG_S and chance.random() < 0.5:
            lasts = chance.uniform(16.5, 20.0)
        lasts = min(lasts, seconds - at)
        strikes.append(Strike(at, lasts, blow, chance.randrange(1000)))
        at += chance.uniform(0.4, 2.4)
        if alone and blow in _FELLS:
            at += chance.uniform(2.0, 5.0) + (lasts if blow is Blow.STOP_PARENT else 0.0)
    return Plan(seconds, strikes, list(_illnesses(random.Random(f"{seed}-ills"), seconds)))


def _illnesses(chance: random.Random, seconds: float) -> Iterator[Illness]:
    for vendor in Vendor:
        bag: list[Ill] = []
        at = chance.uniform(0.5, 3.0)
        while at < seconds - 1:
            if not bag:
                bag = chance.sample(list(Ill), len(Ill))
            lasts = min(chance.uniform(0.8, 5.0), seconds - at)
            ill = bag.pop()
            if vendor is Vendor.META and ill in {Ill.LIMIT, Ill.LIMIT_AFTER} and at > seconds - _META_LIMIT_S:
                continue
            token = vendor is Vendor.ADS and chance.random() < 0.25
            yield Illness(at, lasts, vendor, ill, chance.choice([0.3, 0.7, 1.0]), token)
            at += lasts + chance.uniform(0.5, 4.0)


# --- what visitors do -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Say:
    """The visitor states consent. Four letters; ``-`` says nothing of that signal. ``delete`` withdraws everything."""

    stated: str
    delete: bool = False


@dataclass(frozen=True, slots=True)
class Meant:
    """An event to be sent."""

    name: str
    identified: bool = True
    refused_by: Vendor | None = None
    invalid: bool = False


@dataclass(frozen=True, slots=True)
class Send:
    """Events in one request. ``own`` is their own consent, four letters; ``gpc`` a header of this request alone."""

    events: tuple[Meant, ...]
    own: str = "uuuu"
    gpc: bool = False


@dataclass(frozen=True, slots=True)
class SendAgain:
    """An earlier request of this visitor once more; ``back`` counts from the newest, which is 0."""

    back: int


Action = Say | Send | SendAgain


@dataclass(frozen=True, slots=True)
class Script:
    """One visitor's life. ``gpc`` visitors send ``Sec-GPC: 1`` with everything."""

    gpc: bool
    actions: tuple[Action, ...]


_FIRST = ("gggg", "gggg", "gggg", "dddd", "gddd", "gggd", "dggg", "gdgg", "")
_LATER = ("dddd", "gggg", "--d-", "-d--", "---d", "-ggg", "gggg", "gddd", "DELETE")
_NAMES = ("purchase", "purchase", "purchase", "view_item", "add_to_cart", "generate_lead", "page_view")


def script_of(seed: int, visitor: int) -> Script:
    """Draw the life of one visitor, which depends on the seed and the visitor's number alone."""
    chance = random.Random(f"{seed}-visitor-{visitor}")
    gpc = chance.random() < 0.12
    actions: list[Action] = []
    first = chance.choice(_FIRST)
    if first:
        actions.append(Say(first))
    sent = 0
    for _ in range(chance.randrange(4, 16)):
        dice = chance.random()
        if dice < 0.15 and (first or sent):
            stated = chance.choice(_LATER)
            # A first word that leaves things open is a full one: else the refusal cookie would hold half a state.
            whole = bool(first)
            actions.append(
                Say("dddd", delete=True) if stated == "DELETE" else Say(stated if whole else "gggg")
            )
            first = first or "gggg"
        elif dice < 0.25 and sent:
            actions.append(SendAgain(chance.randrange(min(sent, 3))))
        else:
            actions.append(_send(chance, gpc=gpc))
            sent += 1
    return Script(gpc, tuple(actions))


def _send(chance: random.Random, *, gpc: bool) -> Send:
    number = 1 if chance.random() < 0.6 else chance.randrange(2, 7)
    events = tuple(
        Meant(
            chance.choice(_NAMES),
            identified=chance.random() < 0.85,
            refused_by=chance.choice(list(Vendor)) if chance.random() < 0.03 else None,
            invalid=number > 1 and chance.random() < 0.05,
        )
        for _ in range(number)
    )
    if all(one.invalid for one in events):
        events = (Meant("purchase"),)
    dice = chance.random()
    own = "gggg" if dice < 0.08 else "uddd" if dice < 0.14 else "uuuu"
    return Send(events, own, gpc or chance.random() < 0.04)
