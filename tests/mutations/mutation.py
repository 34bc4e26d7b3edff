"""Each rule of privacy, the change that would break it, and the tests that must notice.

A mutation is a piece of the program's text, what stands there instead, and tests of which at least one must then fail.
If the text is not found any more, or more than once, that fails too: somebody has changed the rule, and must say anew how
it could be broken.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """One broken rule. ``killers`` are pytest's names of tests that take a second at most."""

    name: str
    file: str
    old: str
    new: str
    killers: tuple[str, ...]


def mutation(name: str, file: str, old: str, new: str, *killers: str) -> Mutation:
    """Return a mutation; ``killers`` begin below ``tests``."""
    return Mutation(name, file, old, new, tuple(f"tests/{killer}" for killer in killers))
