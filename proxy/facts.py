"""What the process that is asked for metrics knows of itself and of its children, at the moment of the scrape."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proxy import __version__
from proxy.clocks import VendorClocks
from proxy.metrics import BUILD, CLOCK, RESIDENT, RESTARTS, WORKERS
from proxy.metrics_stored import Metric

_UNIT: Final = {"kB": 1024}


@dataclass(frozen=True, slots=True)
class Fact:
    """One sample: its metric, its value, and the values of the metric's labels."""

    metric: Metric
    value: float
    labels: tuple[str, ...] = ()


def build() -> Fact:
    """Return which version runs."""
    return Fact(BUILD, 1.0, (__version__,))


def of_processes(main: int, workers: Iterable[int]) -> list[Fact]:
    """Return the memory of our processes, by their ids; nothing where the system does not say."""
    if (own := resident_bytes(main)) is None:
        return []
    gateway = sum(resident_bytes(pid) or 0 for pid in workers)
    return [Fact(RESIDENT, own, ("main",)), Fact(RESIDENT, gateway, ("gateway",))]


def of_workers(running: int, wanted: int, restarts: int) -> list[Fact]:
    """Return how the gateway's processes are."""
    return [
        Fact(WORKERS, running, ("running",)),
        Fact(WORKERS, wanted, ("wanted",)),
        Fact(RESTARTS, restarts),
    ]


def of_clock(vendors: VendorClocks, now_s: float) -> list[Fact]:
    """Return what the vendors' answers say of our clock; nothing where none has answered of late.

    Args:
        vendors: what they said.
        now_s: now, by the clock of delivery, monotonic seconds.
    """
    ahead_s = vendors.ahead_s(now_s)
    return [] if ahead_s is None else [Fact(CLOCK, ahead_s, ("vendors",))]


def resident_bytes(pid: int) -> int | None:
    """Return the memory of a process, in bytes; None if it is gone, or the system has no ``/proc``."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("VmRSS:"):
            _, number, unit = line.split()
            return int(number) * _UNIT[unit]
    return None
