"""A Valkey server as a child process of the tests, which they may stop, start and spoil."""

import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from proxy.store.embedded_server import find_binary


class Valkey:
    """A server on a socket in ``folder``. What it took survives ``stop`` and ``start``; ``options`` count from then on."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self._environment = environment
        self.socket = folder / "s"
        self.url = f"unix://{self.socket}"
        self.options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "dir": str(folder),
            "save": "",
            "appendonly": "yes",
            "appendfsync": "no",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [str(find_binary())]
        for name, value in self.options.items():
            command += [f"--{name}", value]
        self._process = subprocess.Popen(  # noqa: S603  # the server that Sayso ships with
            command, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(1000):
            if self._answers():
                return
            assert self._process.poll() is None, "the server ended at its start"
            time.sleep(0.01)
        raise AssertionError("Valkey does not answer")

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def _answers(self) -> bool:
        try:
            self.ask("PING")
        except RedisError:
            return False
        return True

    def ask(self, *command: str | int) -> object:
        """Send one command."""
        with Redis(unix_socket_path=str(self.socket)) as redis:
            return redis.execute_command(*command)

    def on_disk(self) -> bytes:
        """Return the append-only log: every write since the start, with all that was in it."""
        return b"".join(path.read_bytes() for path in sorted(self.socket.parent.rglob("*.aof")))

    def stop(self) -> None:
        """Kill it, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Stop it in its tracks: connections stay open, and nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on, if it is there."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
