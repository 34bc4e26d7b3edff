"""The matrix for people and machines: plain text, Markdown, JSON. Pure."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from textwrap import wrap
from typing import Final

from proxy.matrix import Row, Sheet
from proxy.reasons import IN_WORDS, Decision, Reason

_WIDTH: Final = 110
_NOT_BUILT: Final = "this vendor's forwarder is not part of this version"
_NOTES: Final = (
    "full: what the vendor takes. No raw address in any case (address is truncated), contact data as the vendor's own"
    " hash alone, ids the vendor's own or derived for this vendor alone; click_ids are those that stay in the page's"
    " URL. A field is listed if changing it changes the request.",
    "cookieless: url without its query (utm_* stay), referrer as its origin, items with published fields alone,"
    " user_agent rebuilt, language without region, screen as one of three sizes, random_id drawn for this request alone.",
    "The page's signals g (granted), d (denied), u (unknown) stand in the order analytics_storage, ad_storage,"
    " ad_user_data, ad_personalization.",
)
_HEAD: Final = ("state", "signals", "event", "decision", "reason", "fields")

Line = tuple[str, str, str, str, str, str]


def written(sheets: Sequence[Sheet], form: str) -> str:
    """Return the matrix as ``text``, ``markdown`` or ``json``.

    Raises:
        KeyError: there is no such form.
    """
    return {"text": as_text, "markdown": as_markdown, "json": as_json}[form](sheets)


def as_json(sheets: Sequence[Sheet]) -> str:
    """Return everything, each row by itself, as one JSON document."""
    found: dict[str, list[dict[str, object]]] = {"presets": [], "sites": []}
    for sheet in sheets:
        described: dict[str, object] = {
            "name": sheet.name,
            "preset": sheet.preset.name,
            "title": sheet.preset.title,
            "overrides": list(sheet.overrides),
            "text": sheet.preset.text,
            "rows": [asdict(row) for row in sheet.rows],
        }
        found[f"{sheet.kind}s"].append(described)
    return json.dumps(found, ensure_ascii=False, indent=1) + "\n"


def as_text(sheets: Sequence[Sheet]) -> str:
    """Return the matrix for a terminal."""
    return "\n".join(_text_lines(sheets)) + "\n"


def as_markdown(sheets: Sequence[Sheet]) -> str:
    """Return the matrix as Markdown."""
    return "\n".join(_markdown_lines(sheets)) + "\n"


# --- text -------------------------------------------------------------------------------------------------------


def _text_lines(sheets: Sequence[Sheet]) -> Iterator[str]:
    for sheet in sheets:
        title = _title(sheet)
        yield title
        yield "=" * len(title)
        yield ""
        yield from (f"    {line}".rstrip() for line in sheet.preset.text.splitlines())
        if sheet.kind == "site":
            yield ""
            yield from (f"    {line}" for line in _overridden(sheet))
        for forwarder, rows in groupby(sheet.rows, lambda row: row.forwarder):
            lines, legend = _table(list(rows))
            yield ""
            yield forwarder
            yield "-" * len(forwarder)
            widths = [max(map(len, column)) for column in zip(_HEAD, *lines, strict=True)]
            for line in (_HEAD, *lines):
                cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
                yield "  ".join(cells).rstrip()
            yield ""
            for mark, fields in legend:
                yield from wrap(f"{mark}: {fields}", _WIDTH, subsequent_indent="   ")
        yield ""
    for note in _NOTES:
        yield from wrap(note, _WIDTH, subsequent_indent="  ")
    yield ""
    yield from (f"{reason}: {words}" for reason, words in IN_WORDS.items())


# --- Markdown ---------------------------------------------------------------------------------------------------


def _markdown_lines(sheets: Sequence[Sheet]) -> Iterator[str]:
    for sheet in sheets:
        yield from (f"## {_title(sheet)}", "", "```toml", *sheet.preset.text.splitlines(), "```")
        if sheet.kind == "site":
            yield from ("", "```toml", *_overridden(sheet), "```")
        for forwarder, rows in groupby(sheet.rows, lambda row: row.forwarder):
            lines, legend = _table(list(rows))
            yield from ("", f"### {forwarder}", "")
            yield f"| {' | '.join(_HEAD)} |"
            yield f"|{'---|' * len(_HEAD)}"
            yield from (f"| {' | '.join(line)} |" for line in lines)
            yield ""
            yield from (f"- {mark}: {fields}" for mark, fields in legend)
        yield ""
    yield from (f"- {note}" for note in _NOTES)
    yield ""
    yield from (f"- `{reason}`: {words}" for reason, words in IN_WORDS.items())


# --- both -------------------------------------------------------------------------------------------------------


def _title(sheet: Sheet) -> str:
    if sheet.kind == "site":
        return f"Site {sheet.name}: preset {sheet.preset.name}"
    return f"Preset {sheet.name}: {sheet.preset.title}"


def _overridden(sheet: Sheet) -> list[str]:
    changed = [f"# What {sheet.name} changes of it:", *sheet.overrides]
    return changed if sheet.overrides else [f"# {sheet.name} changes nothing of it."]


def _table(rows: list[Row]) -> tuple[list[Line], list[tuple[str, str]]]:
    """Return the lines of one forwarder, its events joined where they fare alike, and what the fields' marks mean."""
    marks: dict[str, str] = {}
    lines: list[Line] = []
    never = _never_sent(rows)
    for (state, code), of_state in groupby(rows, lambda row: (row.state, row.code)):
        alike: dict[tuple[str, str, str], list[str]] = {}
        for row in of_state:
            if row.events in never:
                continue
            fields = _fields(row)
            mark = marks.setdefault(fields, str(len(marks) + 1)) if fields else ""
            signal = f" ({row.signal})" if row.signal is not None else ""
            alike.setdefault((row.decision, f"{row.reason}{signal}", mark), []).append(row.events)
        for (decision, reason, mark), events in alike.items():
            lines.append((state, code, ", ".join(events), decision, reason, mark))
    if never:
        lines.append(("any", "", ", ".join(never), Decision.DROP, Reason.NOT_CONFIGURED, ""))
    return lines, [(mark, fields) for fields, mark in marks.items()]


def _never_sent(rows: list[Row]) -> list[str]:
    """Return the events that the forwarder is not set up for, whatever the consent."""
    wanted = {row.events for row in rows if row.reason is not Reason.NOT_CONFIGURED}
    return list(dict.fromkeys(row.events for row in rows if row.events not in wanted))


def _fields(row: Row) -> str:
    """Write what is sent in words; empty where nothing is."""
    if row.decision is Decision.DROP:
        return ""
    if row.fields is None:
        return _NOT_BUILT
    fields = f"{row.decision}: {', '.join(row.fields)}"
    if row.unidentified is not None:
        fields += f"; without click id or contact data: {row.unidentified} (no_identifier)"
    return fields
