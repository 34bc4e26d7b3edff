"""Measures how long it takes to understand a TC string: ``python -m bench.tcf``. No server is started.

What counts is the processor's time for one string, the best of many rounds: others may be busy on the machine.
"""

import random
import time
from collections.abc import Callable

from proxy.sources.gpp import read_gpp
from proxy.sources.iab import GOOGLE, META
from proxy.sources.tcf import read_tcf
from proxy.sources.tcf_decode import decode
from proxy.sources.tcf_string import TcString
from tests.support.tc_strings import NOW, Wish, vendor_field, vendor_ranges

ROUNDS = 25
TIMES = 400


def microseconds(work: Callable[[], object]) -> float:
    """Return the processor's time for one call, the best of the rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(TIMES):
            work()
        best = min(best, time.process_time() - started)
    return best / TIMES * 1e6


def strings() -> dict[str, str]:
    """Return strings of the sizes that occur."""
    rng = random.Random(1)
    every = sorted({*rng.sample(range(1, 4200), 1372), 755, 804, 1126})
    some = sorted({*rng.sample(range(1, 1400), 100), 755, 804, 1126})
    fields = vendor_field(every)
    singles = vendor_ranges([(one, one) for one in some])
    ranges = vendor_ranges([(at, at + 20) for at in range(1, 1300, 25)])
    return {
        "four vendors": Wish().text(),
        "the whole vendor list, all accepted": Wish(
            consents=fields, vendor_interests=fields, disclosed=fields
        ).text(),
        "the whole vendor list, all refused": Wish(
            purposes=(), consents=vendor_field(()), vendor_interests=vendor_field(()), disclosed=fields
        ).text(),
        "100 vendors one by one, three times": Wish(
            consents=singles, vendor_interests=singles, disclosed=singles
        ).text(),
        "52 ranges of vendors, three times": Wish(
            consents=ranges, vendor_interests=ranges, disclosed=ranges
        ).text(),
    }


def main() -> None:
    """Print a line for each string."""
    print(f"{'TC string':42} {'letters':>8} {'decode µs':>10} {'decode and 4 vendors µs':>25}")
    for name, text in strings().items():
        if not isinstance(decode(text), TcString):
            raise SystemExit(f"{name}: not understood")

        def ask(text: str = text) -> None:
            reading = read_tcf(text, "2~7.89~dv.9", NOW)
            for vendor in (GOOGLE, META, None, GOOGLE):
                reading.said(vendor)

        plain, whole = microseconds(lambda text=text: decode(text)), microseconds(ask)  # type: ignore[misc]
        print(f"{name:42} {len(text):8} {plain:10.1f} {whole:25.1f}")
    gpp = f"DBABMA~{Wish().text()}"
    print(
        f"{'GPP, Europe, four vendors':42} {len(gpp):8} {microseconds(lambda: read_gpp(gpp, None, NOW)):10.1f}"
    )


if __name__ == "__main__":
    main()
