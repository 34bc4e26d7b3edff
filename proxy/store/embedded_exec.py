"""The last step before the embedded Valkey: a tiny program that becomes the server.

It runs as a script of its own, `python -I -S embedded_exec.py OWNER_PID BINARY ARGUMENT...`, and replaces itself by
BINARY. Why a program and not `preexec_fn`: what has to be done here must happen after the fork and before the exec,
and running Python code between the two deadlocks when another thread of the owner held a lock at the fork. This way
the owner only forks and execs, which is safe with any number of threads, at the price of some 30 ms per start.

It knows nothing of the rest of Sayso and imports the standard library only, so that it starts fast.
"""

import os
import resource
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
"""From linux/prctl.h: the signal that this process gets when the thread that started it is gone."""


def end_with_owner(owner: int) -> bool:
    """Have the kernel end this process together with its owner.

    Args:
        owner: process id of the owner, as the owner itself sees it.

    Returns:
        False when the owner is gone already, which the kernel would never tell us any more. Where there is no such
        service (not Linux, no ctypes), True: the next owner will find the server and take it over.
    """
    if sys.platform != "linux":
        return True
    try:
        import ctypes  # noqa: PLC0415 - absent from some minimal builds of Python
    except ImportError:
        return True
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    return os.getppid() == owner


def main(arguments: list[str]) -> None:
    """Become the server, or return at once if the owner is gone.

    Args:
        arguments: the owner's process id, the path of the binary, and the binary's arguments.

    Raises:
        OSError: the binary cannot be run.
    """
    owner, binary, *rest = arguments
    # A core file would be a copy of everything in the store, outside data_dir and outliving every erasure.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if end_with_owner(int(owner)):
        os.execv(binary, [Path(binary).name, *rest])  # noqa: S606 - our own binary, no shell


if __name__ == "__main__":
    main(sys.argv[1:])
