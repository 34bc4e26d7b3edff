"""The ``[sites.NAME.forwarders.STANZA]`` tables: each is read by the forwarder that it is for."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import PlainValidator, ValidationError
from pydantic_core import PydanticCustomError

from forwarders.base import Forwarder
from proxy.forwarder_modules import NoForwarderError, forwarder_class, shipped, short_name
from proxy.settings_findings import findings
from proxy.settings_problems import Finding, bundle, wrong
from proxy.settings_values import read_event_name, read_name

EVENT_WORDS = frozenset({"*", "conversions"})


@dataclass(frozen=True, slots=True)
class Stanza:
    """One forwarder of a site. ``module`` is the name by which presets know the vendor."""

    module: str
    forwarder: Forwarder


def read_stanzas(written: object) -> dict[str, Stanza]:
    """Build every forwarder of a site, and say of every one what is wrong with it."""
    if not isinstance(written, Mapping):
        raise wrong("not a table", "tables such as [sites.shop.forwarders.meta]")
    built: dict[str, Stanza] = {}
    found: list[Finding] = []
    for name, table in written.items():
        wrongs = _name_findings(name)
        if isinstance(table, Mapping):
            stanza = _read(name, table, wrongs)
            if stanza is not None:
                built[name] = stanza
        else:
            wrongs.append(Finding((), "not a table", "the keys of one forwarder"))
        found += [Finding((name, *one.loc), one.what, one.allowed) for one in wrongs]
    if found:
        raise bundle(found)
    return built


def _read(name: str, table: Mapping[str, object], wrongs: list[Finding]) -> Stanza | None:
    """Build one forwarder, or add what is wrong to ``wrongs``."""
    keys = dict(table)
    module = keys.pop("type", name)
    place = ("type",) if "type" in table else ()
    if not isinstance(module, str):
        wrongs.append(Finding(place, "not a text", _modules()))
        return None
    module = short_name(module)
    if module != name and name in shipped():
        # Its label in metrics and reports would name the wrong vendor.
        wrongs.append(
            Finding(
                place, f"the name {name} is for the module {name}", "another name for the stanza, or no type"
            )
        )
    try:
        kind = forwarder_class(module)
    except NoForwarderError as error:
        near = get_close_matches(module, shipped(), n=1)
        wrongs.append(Finding(place, f"{error}{f'; did you mean {near[0]}?' if near else ''}", _modules()))
        return None
    _check_shared_keys(kind, keys, wrongs)
    try:
        return Stanza(module, kind.build(keys))
    except ValidationError as error:
        wrongs += findings(error, kind, keys)
        return None


def _check_shared_keys(kind: type[Forwarder], keys: Mapping[str, object], wrongs: list[Finding]) -> None:
    """Check what every forwarder may set, further than its model does."""
    if keys.get("otherwise") == "cookieless" and not kind.has_cookieless:
        wrongs.append(Finding(("otherwise",), f"{kind.title} has no cookieless mode", '"drop"'))
    events = keys.get("events")
    for position, event in enumerate(events if isinstance(events, list) else ()):
        if not isinstance(event, str) or event in EVENT_WORDS:
            continue  # what is no text, the model refuses
        try:
            read_event_name(event)
        except PydanticCustomError as error:
            what, allowed = _parts(error)
            wrongs.append(Finding(("events", position), what, f'"*", "conversions", or {allowed}'))


def _name_findings(name: str) -> list[Finding]:
    try:
        read_name(name)
    except PydanticCustomError as error:
        return [Finding((), *_parts(error))]
    return []


def _parts(error: PydanticCustomError) -> tuple[str, str]:
    context = error.context or {}
    return str(context["what"]), str(context["allowed"])


def _modules() -> str:
    return f"{', '.join(shipped())}, or the dotted path of a module of your own"


Stanzas = Annotated[dict[str, Stanza], PlainValidator(read_stanzas, json_schema_input_type=dict[str, Any])]
