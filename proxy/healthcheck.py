"""Tells whether the Sayso of this container is alive, for the ``HEALTHCHECK`` of its image: exit status 0, or 1 and one line.

It asks ``/healthz`` where the container's first process was told to listen: by its ``--admin-listen``, else by
``admin_listen`` of its configuration. It is started every few seconds, so it needs nothing but the standard library, and
no other module of ours.
"""

import os
import sys
import tomllib
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

DEFAULT: Final = "127.0.0.1:9464"
"""``server.admin_listen``, where nobody says otherwise."""
TIMEOUT_S: Final = 2.0
_EVERYWHERE: Final[Mapping[str, str]] = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - asked there, not bound
_FIRST: Final = Path("/proc/1/cmdline")


class UnknownError(Exception):
    """It cannot be found out where to ask; the text says why."""


def option(arguments: Sequence[str], name: str) -> str | None:
    """Return what a command line says for an option, ``--name VALUE`` or ``--name=VALUE``; the last one counts."""
    said = None
    for at, word in enumerate(arguments):
        if word == name and at + 1 < len(arguments):
            said = arguments[at + 1]
        elif word.startswith(f"{name}="):
            said = word.partition("=")[2]
    return said


def listens(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return ``HOST:PORT`` of the admin listener.

    Args:
        arguments: the command line of the process that listens.
        environment: its variables; ``SAYSO_CONFIG`` counts.

    Raises:
        UnknownError: its configuration cannot be read.
    """
    said = option(arguments, "--admin-listen")
    if said is not None:
        return said
    path = Path(option(arguments, "--config") or environment.get("SAYSO_CONFIG") or "sayso.toml")
    try:
        server = tomllib.loads(path.read_text(encoding="utf-8")).get("server", {})
    except (OSError, ValueError) as error:
        raise UnknownError(f"{path} cannot be read: {type(error).__name__}") from None
    return str(server.get("admin_listen", DEFAULT)) if isinstance(server, dict) else DEFAULT


def target(listen: str) -> tuple[str, int]:
    """Return host and port to ask, from this machine, of somebody who listens at ``HOST:PORT``.

    Raises:
        UnknownError: the port is a free one, that only the process itself knows, or there is none.
    """
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise UnknownError(f"admin_listen names no port: {listen}")
    return _EVERYWHERE.get(host, host), int(port)


def status(host: str, port: int) -> int:
    """Return the status with which ``/healthz`` is answered. No proxy of the environment is asked.

    Raises:
        OSError: nobody answers, or not in time.
        HTTPException: what answers does not speak HTTP.
    """
    connection = HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status
    finally:
        connection.close()


def main() -> int:
    """Ask, and return the exit status."""
    try:
        arguments = _FIRST.read_text(encoding="utf-8", errors="replace").split("\0")
    except OSError:
        arguments = []
    try:
        host, port = target(listens(arguments, os.environ))
        found = status(host, port)
    except (UnknownError, OSError, HTTPException) as error:
        print(f"not well: {error}", file=sys.stderr)  # noqa: T201 - what the container engine keeps of it
        return 1
    if found != 200:
        print(f"not well: /healthz answers {found}", file=sys.stderr)  # noqa: T201 - as above
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
