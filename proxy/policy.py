"""The decision: full, cookieless or drop, per event and forwarder, with its reason. Pure and total.

Presets are data (``proxy/presets/*.toml``). A site's policy is a preset with some points overridden, compiled once
into one ``Rule`` per forwarder.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Literal

from proxy.reasons import Decision, Reason
from proxy.signals import AD_SIGNALS, INDEX, SIGNALS, ConsentState, Signal, Value

Basis = Literal["consent", "legitimate_interest"]
PRESET_NAMES = ("consent-mode", "notice-2021", "eea-strict")
DEFAULT_PRESET = "eea-strict"

ANALYTICS = INDEX[Signal.ANALYTICS_STORAGE]
_AD_STORAGE = INDEX[Signal.AD_STORAGE]
_BASES = frozenset({Reason.GRANTED, Reason.LEGITIMATE_INTEREST})
_RANK: dict[Reason, int] = {reason: rank for rank, reason in enumerate(Reason)}


@dataclass(frozen=True, slots=True)
class PresetRule:
    """What a preset says of one forwarder."""

    events: tuple[str, ...]
    needs: tuple[Signal, ...]
    otherwise: Decision


@dataclass(frozen=True, slots=True)
class Preset:
    """A named policy, as its file says it. Lifetimes are days."""

    name: str
    title: str
    analytics_storage: Basis
    cookieless: bool
    max_age_days: int
    consented_max_age_days: int
    forwarders: Mapping[str, PresetRule]
    text: str

    def rule_for(self, module: str) -> PresetRule:
        """Return the rule for a forwarder's module; one that the preset does not know gets the strictest."""
        return self.forwarders.get(module) or PresetRule(("conversions",), AD_SIGNALS, Decision.DROP)


@cache
def load_preset(name: str) -> Preset:
    """Read one of the presets that Sayso ships.

    Raises:
        KeyError: there is none of that name.
    """
    if name not in PRESET_NAMES:
        raise KeyError(name)
    text = resources.files("proxy").joinpath("presets", f"{name}.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    rules = {
        module: PresetRule(
            tuple(stanza["events"]),
            tuple(Signal(signal) for signal in stanza["needs"]),
            Decision(stanza["otherwise"]),
        )
        for module, stanza in data["forwarders"].items()
    }
    return Preset(
        name=name,
        title=data["title"],
        analytics_storage=data["analytics_storage"],
        cookieless=data["cookieless"],
        max_age_days=data["max_age_days"],
        consented_max_age_days=data["consented_max_age_days"],
        forwarders=rules,
        text=text,
    )


@dataclass(frozen=True, slots=True)
class Rule:
    """What decides one forwarder of one site.

    ``needs`` are positions in ``SIGNALS``. ``interest`` says that statistics stand on legitimate interest.
    ``unreadable`` is what happens when the visitor's record cannot be read; never full.
    """

    needs: tuple[int, ...]
    otherwise: Decision
    interest: bool
    unreadable: Decision

    @staticmethod
    def of(
        needs: tuple[Signal, ...], otherwise: Decision, basis: Basis, on_store_failure: Decision
    ) -> "Rule":
        """Compile a rule; an unreadable record never gets more than an unknown one on consent would."""
        if Decision.FULL in {otherwise, on_store_failure}:
            raise ValueError("what is done without consent is never full")
        unreadable = on_store_failure if otherwise is Decision.COOKIELESS else Decision.DROP
        return Rule(
            tuple(INDEX[signal] for signal in needs), otherwise, basis == "legitimate_interest", unreadable
        )


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision with its one reason and, where consent stood in the way, the signal that did."""

    decision: Decision
    reason: Reason
    signal: Signal | None = None
    code: str = field(init=False, repr=False, compare=False)
    """``decision|reason``, as the store counts it."""

    def __post_init__(self) -> None:
        """Write the code once; a decision is remembered and used many times."""
        object.__setattr__(self, "code", f"{self.decision}|{self.reason}")


def allowed(state: ConsentState, position: int, *, interest: bool) -> Reason:
    """Say on what basis a signal is allowed (``GRANTED``, ``LEGITIMATE_INTEREST``), or why it is not."""
    reason = state.why[position]
    if reason is Reason.GRANTED or not interest or position != ANALYTICS:
        return reason
    # On legitimate interest silence is allowed, and so is a grant that has run out; a denial is an objection, and so
    # is Global Privacy Control.
    if reason is Reason.CONSENT_UNKNOWN or reason is Reason.CONSENT_EXPIRED:
        return Reason.GPC if state.gpc else Reason.LEGITIMATE_INTEREST
    if reason is Reason.CONSENT_DENIED:
        return Reason.GPC if state.gpc else Reason.OBJECTION
    return reason


def decide(rule: Rule, state: ConsentState) -> Decided:
    """Decide for one forwarder on consent alone. Total: every state has an answer."""
    basis = Reason.GRANTED
    worst: Reason | None = None
    signal: Signal | None = None
    for position in rule.needs:
        reason = allowed(state, position, interest=rule.interest)
        if reason is Reason.GRANTED:
            continue
        if reason is Reason.LEGITIMATE_INTEREST:
            basis = reason
        elif worst is None or _RANK[reason] < _RANK[worst]:
            worst, signal = reason, SIGNALS[position]
    if worst is None:
        return Decided(Decision.FULL, basis)
    if worst is Reason.CONSENT_UNREADABLE and not state.garbled:
        return Decided(rule.unreadable, worst, signal)
    return Decided(rule.otherwise, worst, signal)


def has_basis(state: ConsentState, *, interest: bool) -> bool:
    """Tell whether a visitor id may exist: statistics allowed on their basis, or ``ad_storage`` granted."""
    if state.signals.values()[_AD_STORAGE] is Value.GRANTED:
        return True
    return allowed(state, ANALYTICS, interest=interest) in _BASES


def consented(state: ConsentState) -> bool:
    """Tell whether the id stands on consent (and may live longer), not on legitimate interest alone."""
    values = state.signals.values()
    return values[ANALYTICS] is Value.GRANTED or values[_AD_STORAGE] is Value.GRANTED
