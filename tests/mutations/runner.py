"""Runs named tests in copies of the source tree, each in a process of its own; run as a program, not imported.

Reads one JSON list of jobs from stdin: ``{"name", "folder", "tests", "output"}``. Writes one JSON line per job when it is
done: ``{"name", "status"}``, the status being pytest's. What all runs need is imported once, before they part.
"""

import importlib
import json
import os
import sys
from typing import Any

import pytest

# Slow to import, and none of ours: what is ours must come from the copy.
_SHARED = (
    "aiohttp.web", "click", "cryptography.hazmat.primitives.asymmetric.rsa", "hypothesis",
    "hypothesis.strategies", "maxminddb", "orjson", "prometheus_client", "pydantic", "pytest_asyncio", "redis.asyncio",
    "ua_parser", "uvloop",
)  # fmt: skip
_AT_ONCE = 2
# Asserts stay plain: rewriting them would need what is imported above not to be there yet.
_OPTIONS = (
    "-x", "-q", "--assert=plain", "--tb=short", "--no-header", "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist",
)  # fmt: skip


def start(job: dict[str, Any]) -> int:
    """Begin a job in a child; return its process id."""
    child = os.fork()
    if child:
        return child
    status = 70
    try:  # whatever happens, this process must not go on as its parent
        folder = job["folder"]
        os.chdir(folder)
        output = os.open(job["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.path.insert(0, folder)
        os.environ["PYTHONPATH"] = folder
        status = int(pytest.main([*_OPTIONS, *job["tests"]]))
        sys.stdout.flush()
    finally:
        os._exit(status)


def main() -> None:
    """Run all jobs, two at a time."""
    jobs = json.load(sys.stdin)
    sys.path[:] = [path for path in sys.path if not path.endswith("mutations")]
    for name in _SHARED:
        importlib.import_module(name)
    running: dict[int, str] = {}
    while jobs or running:
        while jobs and len(running) < _AT_ONCE:
            job = jobs.pop(0)
            running[start(job)] = job["name"]
        child, status = os.wait()
        line = json.dumps({"name": running.pop(child), "status": os.waitstatus_to_exitcode(status)})
        os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    main()
