"""The tables of the documentation, each made from the code that it describes. ``TABLES`` names them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields
from functools import partial

from multidict import CIMultiDict

from forwarders.google_ads import Conversion
from proxy.anonymise import ITEM_FIELDS
from proxy.consent_states import IN_WORDS as IN_STATES
from proxy.consent_states import NEXT, Input, State
from proxy.delivery.states import ORDERS, STATES
from proxy.forwarder_modules import forwarder_class, shipped
from proxy.gateway.answers import RefusedError, refusal
from proxy.metrics import CATALOGUE
from proxy.policy import PRESET_NAMES, Rule, decide, load_preset
from proxy.reasons import IN_WORDS, Decision, Fault, Invalid, Outcome, OutcomeReason, Reason
from proxy.settings import (
    AuditSettings,
    DeliverySettings,
    EgressSettings,
    LogSettings,
    ReportSettings,
    ServerSettings,
    StoreSettings,
)
from proxy.settings_sites import LoaderSettings, NoticeSettings, PolicySettings, SiteSettings, VisitorSettings
from proxy.settings_traces import TracesSettings
from proxy.signals import ConsentState, Signals, Value
from proxy.sources.cmp import FAMILIES
from proxy.store.keys import (
    AUDIT,
    AUDIT_DAY_KEYS,
    AUDIT_LEASE,
    ID_KEY,
    PARTITIONS,
    PREFIX,
    SWEEPER,
    WITHDRAWN,
    attribution_key,
    campaigns_key,
    consent_key,
    ended_login_key,
    history_key,
    outbox_keys,
    partition_keys,
    session_key,
)
from proxy.traces.spans import Attribute
from tools.docs_config import settings, stanza_keys, table
from tools.docs_words import (
    DECISIONS,
    FAULTS,
    INVALID,
    NOT_YET,
    OUTCOME_REASONS,
    OUTCOMES,
    SINGLE_KEYS,
    STORE_KEYS,
    TRACE_ATTRIBUTES,
)

_SHARED = ("otherwise", "events", "type")


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) or "none"


# --- decisions and reasons ----------------------------------------------------------------------------------------------

_STATES: tuple[tuple[str, str], ...] = (
    ("unanswered", "uuuu"),
    ("denied", "dddd"),
    ("statistics granted", "gddd"),
    ("all granted", "gggg"),
)
_WHY = {
    Value.GRANTED: Reason.GRANTED,
    Value.DENIED: Reason.CONSENT_DENIED,
    Value.UNKNOWN: Reason.CONSENT_UNKNOWN,
}


def _state(code: str) -> ConsentState:
    signals = Signals.from_code(code)
    first, second, third, fourth = (_WHY[value] for value in signals.values())
    return ConsentState(signals, (first, second, third, fourth))


def decisions(preset_name: str) -> str:
    """Show what each forwarder gets under a preset, by what the visitor has said."""
    preset = load_preset(preset_name)
    rows = []
    for module in shipped():
        said = preset.rule_for(module)
        otherwise = said.otherwise if forwarder_class(module).has_cookieless else Decision.DROP
        rule = Rule.of(said.needs, otherwise, preset.analytics_storage, Decision.DROP)
        events = "all" if said.events == ("*",) else ", ".join(said.events)
        needs = ", ".join(f"`{signal}`" for signal in said.needs)
        row = [decide(rule, _state(code)).decision for _, code in _STATES]
        rows.append([f"`{module}`", events, needs, *row])
    return table(["forwarder", "events", "a full event needs", *(name for name, _ in _STATES)], rows)


def _later(member: Reason | OutcomeReason) -> str:
    return " *(reserved, not given in this release)*" if member in NOT_YET else ""


def _decision_reasons() -> str:
    return table(["reason", "in words"], ([f"`{one}`", IN_WORDS[one] + _later(one)] for one in Reason))


def _outcome_reasons() -> str:
    rows = []
    for one in OutcomeReason:
        outcome, words = OUTCOME_REASONS[one]
        rows.append([f"`{one}`", f"`{outcome}`" if outcome else "", words + _later(one)])
    return table(["reason", "outcome", "in words"], rows)


def _faults() -> str:
    rows = []
    for one in Fault:
        status = refusal(RefusedError(one, ""), CIMultiDict()).status
        rows.append((status, one, FAULTS[one]))
    return table(
        ["status", "`reason`", "when"], ([str(status), f"`{one}`", words] for status, one, words in rows)
    )


# --- forwarders, metrics, store ------------------------------------------------------------------------------------------


def forwarder(module: str) -> str:
    """Show what a vendor's module declares, and delivery holds it to."""
    kind = forwarder_class(module)
    batch = kind.batch
    rows = [
        ["hosts", _names(kind.hosts)],
        ["a full event needs, where no preset says", _names(kind.needs)],
        ["cookieless mode", "yes" if kind.has_cookieless else "no"],
        ["events in one full request", f"at most {batch.limit}, in {batch.max_bytes} bytes"],
        ["truncated address in full events", "yes" if kind.takes_address else "never"],
        ["click ids that it may have", _names(kind.takes_click_ids)],
        ["oldest event that is sent", f"{kind.full_max_age_s // 3600} hours"],
        ["every name that a full request may hold", _names(kind.full_keys)],
        ["below these, the site's own names", _names(kind.open_keys)],
        [
            "every name that a cookieless request may hold",
            _names(kind.cookieless_keys) if kind.has_cookieless else "no such request",
        ],
    ]
    return table(["", ""], rows)


def _metrics() -> str:
    rows = []
    for one in CATALOGUE:
        labels = ", ".join(f"`{label}`" for label in one.labels)
        rows.append([f"`{one.exposed}`", one.kind, labels, one.where, one.help])
    return table(["name", "kind", "labels", "counted by", "what it says"], rows)


def _label_values() -> str:
    rows = []
    for one in CATALOGUE:
        for label, values in one.values.items():
            rows.append([f"`{one.exposed}`", f"`{label}`", ", ".join(f"`{value}`" for value in values)])
    return table(["name", "label", "its values"], rows)


def _store_keys() -> str:
    record, session, history, attribution = (
        make("SITE", "VISITOR") for make in (consent_key, session_key, history_key, attribution_key)
    )
    rows = [
        [f"`{key}`", *SINGLE_KEYS[place]]
        for place, key in (
            ("id key", ID_KEY),
            ("partitions", PARTITIONS),
            ("states", STATES),
            ("orders", ORDERS),
            ("audit", AUDIT),
            ("audit day keys", AUDIT_DAY_KEYS),
            ("audit lease", AUDIT_LEASE),
            ("withdrawn", WITHDRAWN),
            ("sweeper", SWEEPER),
            ("ended login", ended_login_key("LOGIN")),
            ("probe", f"{PREFIX}probe"),
            ("record", record),
            ("session", session),
            ("history", history),
            ("attribution", attribution),
            ("campaigns", campaigns_key(0, "SITE", "EVENT", "DAY")),
        )
    ]
    partition, outbox = partition_keys(0), outbox_keys(0, "SITE", "FORWARDER")
    lifetimes = {
        "seen": "48 hours; 60 seconds",
        "dead": "72 hours",
        "sent": "`replay_hours`",
        "report": "`[report] keep_days`",
    }
    seen: set[str] = set()
    for keys in (partition, outbox):
        for one in fields(keys):
            if one.name in seen:
                continue
            seen.add(one.name)
            kind, words = STORE_KEYS[one.name]
            key = getattr(keys, one.name) + {"seen": "REF", "report": "DAY"}.get(one.name, "")
            rows.append([f"`{key}`", kind, words, lifetimes.get(one.name, "no expiry")])
    return table(["key", "type", "what it holds", "lives"], rows)


def _platforms() -> str:
    """Return the consent platforms whose cookies are read."""
    head = ["`cmp`", "platform", "cookies", "what is read", "traps"]
    rows = []
    for one in FAMILIES:
        cookies = [*(f"`{name}`" for name in one.cookies), *(f"`{prefix}...`" for prefix in one.prefixes)]
        beside = [f"`{name}`" for name in one.also]
        shown = ", ".join(cookies) + (f"; with {', '.join(beside)}" if beside else "")
        rows.append([f"`{one.name}`", one.title, shown, one.told, one.traps])
    return table(head, rows)


def _consent_states() -> str:
    """Return what each input makes of each state; what changes nothing is left empty."""
    head = ["what happens", *(f"`{state}`" for state in State)]
    rows = []
    for one in Input:
        after = [NEXT[state][one] for state in State]
        shown = ["" if state is now else f"`{now}`" for state, now in zip(State, after, strict=True)]
        rows.append([f"`{one}`", *shown])
    return table(head, rows)


def _trace_attributes() -> str:
    rows = ([f"`{one.value}`", TRACE_ATTRIBUTES[one]] for one in Attribute)
    return table(["attribute", "what it says"], rows)


TABLES: dict[str, Callable[[], str]] = {
    **{f"decisions {name}": partial(decisions, name) for name in PRESET_NAMES},
    "decisions": lambda: table(
        ["decision", "what it means"], ([f"`{one}`", DECISIONS[one]] for one in Decision)
    ),
    "outcomes": lambda: table(["outcome", "what it means"], ([f"`{one}`", OUTCOMES[one]] for one in Outcome)),
    "reasons": _decision_reasons,
    "outcome reasons": _outcome_reasons,
    "invalid": lambda: table(["reason", "when"], ([f"`{one}`", INVALID[one]] for one in Invalid)),
    "faults": _faults,
    "settings server": partial(settings, ServerSettings),
    "settings store": partial(settings, StoreSettings),
    "settings egress": partial(settings, EgressSettings),
    "settings delivery": partial(settings, DeliverySettings),
    "settings audit": partial(settings, AuditSettings),
    "settings report": partial(settings, ReportSettings),
    "settings traces": partial(settings, TracesSettings),
    "settings log": partial(settings, LogSettings),
    "trace attributes": _trace_attributes,
    "settings site": partial(settings, SiteSettings, ("visitor", "policy", "notice", "loader", "forwarders")),
    "settings visitor": partial(settings, VisitorSettings),
    "settings policy": partial(settings, PolicySettings),
    "settings notice": partial(settings, NoticeSettings),
    "settings loader": partial(settings, LoaderSettings),
    "settings forwarder": stanza_keys,
    "settings conversion": partial(settings, Conversion),
    **{f"settings {name}": partial(settings, forwarder_class(name), _SHARED) for name in shipped()},
    **{f"forwarder {name}": partial(forwarder, name) for name in shipped()},
    "consent platforms": _platforms,
    "metrics": _metrics,
    "label values": _label_values,
    "store keys": _store_keys,
    "consent states": _consent_states,
    "consent inputs": lambda: table(
        ["what happens", "in words"], ([f"`{one}`", IN_STATES[one]] for one in Input)
    ),
    "item fields": lambda: _names(ITEM_FIELDS),
}
