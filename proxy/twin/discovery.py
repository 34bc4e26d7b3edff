"""Finds the faked services: every module in ``proxy.twin.vendors`` is one."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import cast

from proxy.twin import vendors
from proxy.twin.vendor import VendorTwin, World


def make_vendors(world: World) -> tuple[VendorTwin, ...]:
    """Make each service afresh for one twin, in the order of module names."""
    found = []
    for module in sorted(pkgutil.iter_modules(vendors.__path__), key=lambda item: item.name):
        create = importlib.import_module(f"{vendors.__name__}.{module.name}").create
        found.append(cast("Callable[[World], VendorTwin]", create)(world))
    return tuple(found)
