"""A small disk of its own for the store's files, which can be filled: a tmpfs in a mount namespace of this process alone."""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

_INSIDE = "SAYSO_CHAOS_MOUNTS"
_ROOM_MB = 512
_PAGE = 4096


def enter_namespace(arguments: list[str]) -> str:
    """Start this program again in a mount namespace of its own, if the system lets us.

    Returns:
        "" inside such a namespace, else why there is none. Where it can be had, this does not return the first time.
    """
    if os.environ.get(_INSIDE):
        return ""
    if shutil.which("unshare") is None or shutil.which("mount") is None:
        return "unshare or mount is not installed"
    words = "neither as root nor in a user namespace may a disk be mounted"
    for options in (["-m"], ["-rm"]):
        with tempfile.TemporaryDirectory() as folder:
            tried = subprocess.run(
                ["unshare", *options, "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder],
                capture_output=True,
                check=False,
            )
        if tried.returncode == 0:
            os.environ[_INSIDE] = "1"
            command = ["unshare", *options, sys.executable, "-m", "chaos", *arguments]
            os.execvp("unshare", command)  # noqa: S606  # this very program, no shell
    return words


@dataclass(slots=True)
class Disk:
    """A tmpfs mounted on ``folder``."""

    folder: Path

    @classmethod
    def mount(cls, folder: Path) -> "Disk":
        """Mount an empty disk.

        Raises:
            subprocess.CalledProcessError: it cannot be mounted.
        """
        folder.mkdir(mode=0o700, parents=True)
        _run("mount", "-t", "tmpfs", "-o", f"size={_ROOM_MB}m,mode=700", "tmpfs", str(folder))
        return cls(folder)

    def fill(self) -> None:
        """Leave no room: the disk becomes as small as what is on it, and a page."""
        found = os.statvfs(self.folder)
        used = (found.f_blocks - found.f_bfree) * found.f_frsize
        _run("mount", "-o", f"remount,size={used + 2 * _PAGE}", str(self.folder))

    def free(self) -> None:
        """Make room again."""
        _run("mount", "-o", f"remount,size={_ROOM_MB}m", str(self.folder))


def _run(*command: str) -> None:
    subprocess.run(command, capture_output=True, check=True)
