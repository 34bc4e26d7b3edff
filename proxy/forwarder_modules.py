"""From a stanza's word to a forwarder's class: no registry, the module's name is the word.

A name without a dot is a module of ``forwarders``; one with dots is anybody's module, as Python would import it.
"""

import importlib
import inspect
import pkgutil
import re
from functools import cache
from types import ModuleType

import forwarders
from forwarders.base import Forwarder

_NO_VENDOR = frozenset({"auth", "base", "verdicts"})
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
# What importing a module that is not ours to vouch for may raise.
_IMPORT_FAILURES = (
    ImportError,
    SyntaxError,
    NameError,
    AttributeError,
    TypeError,
    ValueError,
    LookupError,
    ArithmeticError,
    OSError,
    RuntimeError,
)


class NoForwarderError(LookupError):
    """There is no forwarder of that name; the text says why, without any value of the configuration but the name."""


@cache
def shipped() -> tuple[str, ...]:
    """Return the names of the forwarders that come with Sayso, sorted."""
    names = sorted(module.name for module in pkgutil.iter_modules(forwarders.__path__))
    return tuple(name for name in names if not name.startswith("_") and name not in _NO_VENDOR)


def short_name(module: str) -> str:
    """Return the name by which presets know a module: ``forwarders.meta`` is ``meta``."""
    tail = module.removeprefix("forwarders.")
    return tail if tail in shipped() else module


@cache
def forwarder_class(module: str) -> type[Forwarder]:
    """Return the one forwarder that a module defines.

    Args:
        module: ``meta``, or a dotted path such as ``my_package.my_module``.

    Raises:
        NoForwarderError: there is no such module, it cannot be imported, or it has not exactly one forwarder.
    """
    name = short_name(module)
    if not _DOTTED.fullmatch(name):
        raise NoForwarderError("not a module's name")
    if "." not in name:
        if name not in shipped():
            raise NoForwarderError("there is no such forwarder")
        name = f"forwarders.{name}"
    return _only_forwarder(_imported(name))


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise NoForwarderError(f"there is no module {error.name}") from None
    except _IMPORT_FAILURES as error:
        raise NoForwarderError(f"the module cannot be imported ({type(error).__name__})") from None


def _only_forwarder(module: ModuleType) -> type[Forwarder]:
    found = [
        member
        for member in vars(module).values()
        if inspect.isclass(member)
        and issubclass(member, Forwarder)
        and member.__module__ == module.__name__
        and not inspect.isabstract(member)
    ]
    if len(found) != 1:
        raise NoForwarderError(f"the module defines {len(found)} forwarders, not one")
    return found[0]
