"""Matrices that tests look into."""

from functools import cache

from proxy.matrix import Row, Sheet, preset_sheet
from proxy.settings_sites import SiteSettings


@cache
def named(preset: str) -> Sheet:
    """Return the matrix of a preset, of the states that have a name."""
    return preset_sheet(preset, every=False)


@cache
def whole(preset: str) -> Sheet:
    """Return the matrix of a preset, of all states."""
    return preset_sheet(preset, every=True)


def cell(sheet: Sheet, forwarder: str, state: str, events: str = "conversion") -> Row:
    """Return the one row of that place."""
    [row] = [
        row for row in sheet.rows if (row.forwarder, row.state, row.events) == (forwarder, state, events)
    ]
    return row


def site(**tables: object) -> SiteSettings:
    """Return a site's settings."""
    return SiteSettings.model_validate(tables)
