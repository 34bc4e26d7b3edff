"""Every consent state x event class x forwarder: what is decided, why, and which fields are sent.

For the presets as they are shipped, or for the sites of a configuration as it overrides them. Nothing here decides
anything: states are combined, decided, reduced and mapped by what the gateway and delivery use. Pure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeVar, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from forwarders.base import Forwarder
from proxy.compile import compile_site
from proxy.consent import UNREADABLE, Record, Unreadable, combine
from proxy.forwarder_modules import forwarder_class, shipped
from proxy.matrix_fields import cookieless_fields, full_fields, needs_identifier
from proxy.policy import Preset, Rule, decide, load_preset
from proxy.reasons import Decision, Reason
from proxy.secret import Secret
from proxy.settings_sites import SiteSettings
from proxy.signals import ALL_UNKNOWN, ConsentState, Signals
from proxy.site import Site, SitePolicy

Model = TypeVar("Model", bound=BaseModel)

_NOW_MS: Final = 1_795_341_600_000
_DAY_MS: Final = 86_400_000
_CONVERSION: Final = "conversion"
_OTHER: Final = "any other event"
_EXAMPLE: Final = "purchase"


@dataclass(frozen=True, slots=True)
class Row:
    """What one forwarder gets of one class of events in one consent state.

    ``code`` has a letter per signal (g, d, u). ``signal`` is the one that stood in the way. ``fields`` is None where the
    forwarder is not built yet. ``unidentified`` is what happens instead of ``full`` to an event that has neither click
    id nor contact data; None where that makes no difference.
    """

    state: str
    code: str
    gpc: bool
    events: str
    forwarder: str
    decision: Decision
    reason: Reason
    signal: str | None
    fields: tuple[str, ...] | None
    unidentified: Decision | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """The matrix of one policy. ``text`` is the preset's file; ``overrides`` what a site's configuration changes of it."""

    kind: str
    name: str
    preset: Preset
    overrides: tuple[str, ...]
    rows: tuple[Row, ...]


# --- states -----------------------------------------------------------------------------------------------------


def _stored(code: str, *, age_ms: int = 60_000, gpc: bool = False, tombstone: bool = False) -> Record:
    return Record(Signals.from_code(code), "", _NOW_MS - age_ms, gpc=gpc, tombstone=tombstone)


# What visitors do, in the order in which it is read: their record, and whether the browser sends GPC.
_STATES: Final[tuple[tuple[str, Record | Unreadable | None, bool], ...]] = (
    ("never answered", None, False),
    ("denied", _stored("dddd"), False),
    ("statistics only", _stored("gddd"), False),
    ("ads only, without statistics", _stored("dggg"), False),
    ("ads without personalisation", _stored("gggd"), False),
    ("all granted", _stored("gggg"), False),
    ("GPC, never answered", None, True),
    ("GPC, all granted without it", _stored("gggg"), True),
    ("GPC, all granted with it", _stored("gggg", gpc=True), True),
    ("all granted, expired", _stored("gggg", age_ms=20 * 365 * _DAY_MS), False),
    ("withdrawn", _stored("dddd", tombstone=True), False),
    ("record unreadable", UNREADABLE, False),
)


def _combined(record: Record | Unreadable | None, *, gpc: bool) -> ConsentState:
    return combine(record, None, ALL_UNKNOWN, gpc=gpc, now_ms=_NOW_MS, max_age_ms=3650 * _DAY_MS)


@cache
def states(*, every: bool) -> tuple[tuple[str, ConsentState], ...]:
    """Return the states by name: those that have one, and with ``every`` all 81 answers, named by their letters."""
    named = [(name, _combined(record, gpc=gpc)) for name, record, gpc in _STATES]
    if every:
        codes = ["".join((a, b, c, d)) for a in "gdu" for b in "gdu" for c in "gdu" for d in "gdu"]
        named += [(code, _combined(_stored(code), gpc=False)) for code in codes]
    return tuple(named)


# --- sheets -----------------------------------------------------------------------------------------------------


def preset_sheet(name: str, *, every: bool) -> Sheet:
    """Return the matrix of a preset with nothing overridden, for every forwarder that it or Sayso knows.

    Raises:
        KeyError: there is no preset of that name.
    """
    preset = load_preset(name)
    policy = compile_site("example", SiteSettings.model_validate({"policy": {"preset": name}})).policy
    rows: list[Row] = []
    for module in dict.fromkeys((*preset.forwarders, *shipped())):
        said = preset.rule_for(module)
        forwarder = example(module) if module in shipped() else None
        rule = Rule.of(said.needs, said.otherwise, preset.analytics_storage, Decision.DROP)
        link = _Link(module, forwarder, rule, policy)
        for state_name, state in states(every=every):
            rows.append(link.row(state_name, state, _CONVERSION, _EXAMPLE))
            if "*" in said.events:
                rows.append(link.row(state_name, state, _OTHER, _ordinary(())))
            else:
                rows.append(link.unwanted(state_name, state, _OTHER))
    return Sheet("preset", name, preset, (), tuple(rows))


def site_sheet(name: str, settings: SiteSettings, *, every: bool) -> Sheet:
    """Return the matrix of a site: each event that its configuration names, and any other."""
    site = compile_site(name, settings)
    names = _event_names(site)
    rows: list[Row] = []
    for link in site.links:
        asked = _Link(link.name, link.forwarder, link.rule, site.policy)
        for state_name, state in states(every=every):
            for label in (*names, _OTHER):
                event = _ordinary(names) if label == _OTHER else label
                wanted = link.wants(event)
                rows.append(
                    asked.row(state_name, state, label, event)
                    if wanted
                    else asked.unwanted(state_name, state, label)
                )
    return Sheet("site", name, load_preset(site.policy.preset), tuple(_overrides(settings)), tuple(rows))


def _event_names(site: Site) -> list[str]:
    """Return the events by name that some key of the site's configuration singles out."""
    chosen = frozenset[str]().union(*(link.events or () for link in site.links))
    return sorted(site.conversions | chosen)


def _ordinary(names: Sequence[str]) -> str:
    """Return an event of no special meaning, which no key of the configuration singles out."""
    return next(name for name in ("page_view", "scroll", "click", "any_other_event") if name not in names)


def _overrides(settings: SiteSettings) -> Iterator[str]:
    for table in ("visitor", "policy"):
        written = getattr(settings, table)
        for key in sorted(written.model_fields_set - {"preset"}):
            yield f"{table}.{key} = {_toml(getattr(written, key))}"
    for name, stanza in settings.forwarders.items():
        for key in ("events", "otherwise"):
            value = getattr(stanza.forwarder, key)
            if value is not None:
                yield f"forwarders.{name}.{key} = {_toml(value)}"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


# --- rows -------------------------------------------------------------------------------------------------------


class _Link:
    """One forwarder under one policy. What was found out of its fields is kept: many states send the same."""

    def __init__(self, name: str, forwarder: Forwarder | None, rule: Rule, policy: SitePolicy) -> None:
        self._name = name
        self._forwarder = forwarder
        self._rule = rule
        self._policy = policy
        self._fields: dict[tuple[Decision, str, Signals], tuple[str, ...]] = {}

    def row(self, state_name: str, state: ConsentState, events: str, event: str) -> Row:
        """Decide an event that the forwarder is set up for, as the pipeline would."""
        decided = decide(self._rule, state)
        decision, reason, signal = decided.decision, decided.reason, decided.signal
        unidentified: Decision | None = None
        if decision is Decision.FULL and self._forwarder is not None:
            if needs_identifier(self._forwarder, event, state.signals):
                unidentified = self._without_consent(self._rule.otherwise, event)
        elif decision is Decision.COOKIELESS and self._without_consent(decision, event) is Decision.DROP:
            decision, reason, signal = Decision.DROP, Reason.NOT_CONFIGURED, None
        return Row(
            state_name,
            state.signals.code(),
            state.gpc,
            events,
            self._name,
            decision,
            reason,
            signal,
            self._sent(decision, event, state.signals),
            unidentified,
        )

    def unwanted(self, state_name: str, state: ConsentState, events: str) -> Row:
        """Return the row of an event that the forwarder is not set up for."""
        code = state.signals.code()
        drop, reason = Decision.DROP, Reason.NOT_CONFIGURED
        return Row(state_name, code, state.gpc, events, self._name, drop, reason, None, (), None)

    def _without_consent(self, otherwise: Decision, event: str) -> Decision:
        possible = self._forwarder is None or self._forwarder.cookieless_configured(event)
        return otherwise if possible else Decision.DROP

    def _sent(self, decision: Decision, event: str, signals: Signals) -> tuple[str, ...] | None:
        if decision is Decision.DROP:
            return ()
        if self._forwarder is None:
            return None
        key = (decision, event, signals)
        found = self._fields.get(key)
        if found is None:
            found = self._fields[key] = (
                full_fields(self._forwarder, event, signals)
                if decision is Decision.FULL
                else cookieless_fields(self._forwarder, event, signals, self._policy)
            )
        return found


# --- an account of no one ---------------------------------------------------------------------------------------


@cache
def example(module: str) -> Forwarder:
    """Return a forwarder with made-up settings, set up for one conversion: good for mapping, of no use to a vendor."""
    return _made_up(forwarder_class(module))


def _made_up(kind: type[Model]) -> Model:
    known = ((name, _value(field)) for name, field in kind.model_fields.items())
    values: Any = {name: value for name, value in known if value is not None}
    return kind.model_construct(**values)


def _value(field: FieldInfo) -> object:
    """Return a value for one key; None leaves its default."""
    kind = field.annotation
    if kind is Secret:
        return Secret("example")
    if get_origin(kind) is dict and issubclass(below := get_args(kind)[1], BaseModel):
        return {_EXAMPLE: _made_up(below)}
    # Ids are digits. An optional text that is empty is one without which something would not be sent.
    return "1234567890" if kind is str and (field.is_required() or field.default == "") else None
