"""What is wrong with a configuration, said for people: where, what, and what is allowed instead.

Pydantic's own words and the values it was given never get out: a value may be a secret.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

Loc = tuple[str | int, ...]
OWN = "problem"
"""The type of the errors that our own validators raise."""
_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that keeps a configuration from being used. ``key`` is a path such as ``sites.shop.hosts[0]``."""

    file: str
    key: str
    what: str
    allowed: str

    def __str__(self) -> str:
        where = ": ".join(part for part in (self.file, self.key) if part)
        return f"{where}: {self.what}" + (f"; allowed: {self.allowed}" if self.allowed else "")


class ConfigError(Exception):
    """A configuration cannot be used; ``problems`` holds every reason at once, none of them with a secret in it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = list(problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem at a place of the document, before it has a file."""

    loc: Loc
    what: str
    allowed: str

    def problem(self, file: str) -> Problem:
        """Return it as a problem of that file."""
        return Problem(file, key_path(self.loc), self.what, self.allowed)


def wrong(what: str, allowed: str) -> PydanticCustomError:
    """Make the error that a validator raises: what is wrong, and what is allowed instead."""
    return PydanticCustomError(OWN, "{what}", {"what": what, "allowed": allowed})


def bundle(findings: Sequence[Finding]) -> ValidationError:
    """Make one error of findings, for a validator to raise: pydantic puts them below the place it is at."""
    lines = [InitErrorDetails(type=wrong(one.what, one.allowed), loc=one.loc, input=None) for one in findings]
    return ValidationError.from_exception_data("configuration", lines, hide_input=True)


def shown(written: str) -> str:
    """Quote a value that is no secret: short, and with nothing in it that a terminal would obey."""
    return ascii(written if len(written) <= 80 else f"{written[:77]}...")


def key_path(loc: Loc) -> str:
    """Write a place as TOML would: dotted, names quoted where they must be, positions in brackets."""
    path = ""
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += ("." if path else "") + (part if _BARE.fullmatch(part) else ascii(part))
    return path
