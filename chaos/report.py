"""The result for people and for machines."""

import dataclasses

from chaos.book import answer_words
from chaos.campaign import Result
from chaos.verify import Tally
from chaos.words import Vendor

_MOST_SHOWN = 12
_COLUMNS = (
    "forwarder", "acknowledged", "unknown", "full seen", "pings seen", "duplicates", "delivered", "rejected", "withdrawn",
    "other drops", "expired", "pending", "sum",
)  # fmt: skip


def text(result: Result, *, verbose: bool = True) -> str:
    """Return the report: seed, what broke, the sums, what was wrong."""
    orders = result.orders
    lines = [
        f"seed {orders.seed}, topology {orders.topology}, {orders.seconds:.0f} s, drained in {result.drained_s:.0f} s",
        f"{result.visitors} visitors; answers: "
        + ", ".join(f"{number} x {answer_words(one)}" for one, number in sorted(result.statuses.items())),
        f"{result.vendor_requests} requests at the vendors; starts: "
        + ", ".join(f"{name} {number}" for name, number in result.starts.items()),
    ]
    if verbose:
        lines += ["", "what broke:", *(f"  {at:6.1f} s  {what}" for at, what in result.happened)]
        lines += [
            "",
            "requests that a vendor hurt:",
            *(f"  {hits:5}  {what}" for what, hits in result.ills.items()),
        ]
    lines += ["", *_table(result), ""]
    lines += [
        f"{vendor}: {tally.counts.words()}; dropped: "
        + ", ".join(f"{number} {reason}" for reason, number in sorted(tally.counts.dropped.items()))
        for vendor, tally in result.verdict.tallies.items()
    ]
    lines += [f"!!! NOT RUN: {one}" for one in result.not_run]
    breaches = result.verdict.breaches
    if breaches:
        lines += ["", f"{len(breaches)} BREACHES", *breaches[:_MOST_SHOWN]]
        lines += [f"... and {len(breaches) - _MOST_SHOWN} more"] if len(breaches) > _MOST_SHOWN else []
    else:
        lines += ["", "no breach: every acknowledged event arrived or is counted in exactly one outcome"]
    return "\n".join(lines)


def _table(result: Result) -> list[str]:
    rows = [_COLUMNS, *(_row(vendor, tally) for vendor, tally in result.verdict.tallies.items())]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_COLUMNS))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]


def _row(vendor: Vendor, tally: Tally) -> tuple[str, ...]:
    counts = tally.counts
    withdrawn = counts.dropped.get("withdrawn", 0)
    numbers = (
        tally.acknowledged,
        tally.unknown,
        tally.full,
        tally.pings,
        tally.duplicates,
        counts.delivered,
        counts.rejected,
        withdrawn,
        counts.drops - withdrawn,
        counts.expired,
        counts.pending,
    )
    return (vendor.value, *map(str, numbers), "ok" if counts.adds_up else "WRONG")


def as_json(result: Result) -> dict[str, object]:
    """Return the same for machines. ``good`` says whether anything was wrong."""
    orders = result.orders
    return {
        "seed": orders.seed,
        "topology": orders.topology,
        "seconds": orders.seconds,
        "good": result.good,
        "drained_s": round(result.drained_s, 1),
        "forwarders": {
            vendor.value: dataclasses.asdict(tally) for vendor, tally in result.verdict.tallies.items()
        },
        "happened": [{"at_s": round(at, 2), "what": what} for at, what in result.happened],
        "not_run": result.not_run,
        "breaches": result.verdict.breaches,
        "artefacts": str(orders.folder),
    }
