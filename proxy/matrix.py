"""Every consent state x event class x forwarder: what is decided, why, and which fields are sent.

For the presets as they are shipped, or for the sites of a configuration as it overrides them. Nothing here decides
anything: states are combined, decided, reduced and mapped by what the gateway and delivery use. Pure.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from proxy.site import NOT_CONFIGURED, Site, SitePolicy

Model = TypeVar("Model", bound=BaseModel)

_NOW_MS: Final = 1_795_341_600_000
_DAY_MS: Final = 86_400_000
_CONVERSION: Final = "conversion"
_OTHER: Final = "any other event"
_EXAMPLE: Final = "purchase"
# A page, a thing, and a name that no vendor knows: between them they have all that an event can have.
_ORDINARY: Final = ("page_view", "add_to_cart", "any_other_event")


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


def sheets(presets: Iterable[str], sites: Mapping[str, SiteSettings], *, every: bool) -> list[Sheet]:
    """Return the matrix of these sites and presets; ``every``: with all 81 states, not only those that have a name."""
    return [
        *(site_sheet(name, settings, every=every) for name, settings in sites.items()),
        *(preset_sheet(name, every=every) for name in presets),
    ]


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
        link = _Link(module, forwarder, rule, policy, _known(module))
        for state_name, state in states(every=every):
            rows.append(link.row(state_name, state, _CONVERSION, (_EXAMPLE,)))
            others = _ORDINARY if "*" in said.events else ()
            rows.append(link.row(state_name, state, _OTHER, others))
    return Sheet("preset", name, preset, (), tuple(rows))


def site_sheet(name: str, settings: SiteSettings, *, every: bool) -> Sheet:
    """Return the matrix of a site: each event that its configuration names, and any other."""
    site = compile_site(name, settings)
    names = _event_names(site)
    rows: list[Row] = []
    for link in site.links:
        asked = _Link(link.name, link.forwarder, link.rule, site.policy, {})
        for state_name, state in states(every=every):
            for label in (*names, _OTHER):
                wanted = tuple(event for event in _behind(label, names) if link.wants(event))
                rows.append(asked.row(state_name, state, label, wanted))
    return Sheet("site", name, load_preset(site.policy.preset), tuple(_overrides(settings)), tuple(rows))


def _event_names(site: Site) -> list[str]:
    """Return the events by name that some key of the site's configuration singles out."""
    chosen = frozenset[str]().union(*(link.events or () for link in site.links))
    return sorted(site.conversions | chosen)


def _behind(label: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return the events that a label stands for; of any others, some that no key of the configuration singles out."""
    return tuple(name for name in _ORDINARY if name not in names) if label == _OTHER else (label,)


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


Known = dict[tuple[Decision, tuple[str, ...], Signals], tuple[str, ...]]


@cache
def _known(module: str) -> Known:
    """Return what is known of an example's fields: presets differ in what is decided, not in what is then sent."""
    return {}


class _Link:
    """One forwarder under one policy. What was found out of its fields is ``known``: many states send the same."""

    def __init__(
        self, name: str, forwarder: Forwarder | None, rule: Rule, policy: SitePolicy, known: Known
    ) -> None:
        self._name = name
        self._forwarder = forwarder
        self._rule = rule
        self._policy = policy
        self._known = known

    def row(self, state_name: str, state: ConsentState, events: str, names: tuple[str, ...]) -> Row:
        """Decide events of these names, as the pipeline would; without a name the forwarder is not set up for them."""
        decided = decide(self._rule, state) if names else NOT_CONFIGURED
        decision, reason, signal = decided.decision, decided.reason, decided.signal
        unidentified: Decision | None = None
        if decision is Decision.FULL and self._forwarder is not None:
            if needs_identifier(self._forwarder, names[0], state.signals):
                unidentified = self._without_consent(self._rule.otherwise, names)
        elif decision is Decision.COOKIELESS and self._without_consent(decision, names) is Decision.DROP:
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
            self._sent(decision, names, state.signals),
            unidentified,
        )

    def _without_consent(self, otherwise: Decision, names: tuple[str, ...]) -> Decision:
        possible = self._forwarder is None or self._forwarder.cookieless_configured(names[0])
        return otherwise if possible else Decision.DROP

    def _sent(self, decision: Decision, names: tuple[str, ...], signals: Signals) -> tuple[str, ...] | None:
        if decision is Decision.DROP:
            return ()
        if self._forwarder is None:
            return None
        key = (decision, names, signals)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = (
                full_fields(self._forwarder, names, signals)
                if decision is Decision.FULL
                else cookieless_fields(self._forwarder, names, signals, self._policy)
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
