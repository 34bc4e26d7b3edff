"""How far a long command has come: a bar on a terminal, and nothing anywhere else."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

Step = Callable[[int], None]
"""Called with how many more are done."""


def silent(_done: int) -> None:
    """Say nothing."""


@contextmanager
def progress(label: str, length: int) -> Iterator[Step]:
    """Show a bar on stderr while something is done; only where that is a terminal.

    Args:
        label: what is done.
        length: how many there are.
    """
    if length < 1 or not sys.stderr.isatty():
        yield silent
        return
    with click.progressbar(length=length, label=label, file=sys.stderr) as bar:
        yield bar.update
