"""``sayso pause`` and ``sayso resume``: orders that the delivering processes read every second."""

from typing import Literal

from proxy.assemble import now_ms
from proxy.delivery import states
from proxy.operate.desk import Desk, Work
from proxy.operate.shown import as_json
from proxy.operate.status import look


def order(word: Literal["pause", "resume"], site: str, forwarder: str, *, json: bool, dry_run: bool) -> Work:
    """Make the work of either command."""

    async def work(desk: Desk) -> str:
        desk.chosen_links(site, forwarder)
        processes, rows = await look(desk)
        (row,) = [one for one in rows if (one.site, one.forwarder) == (site, forwarder)]
        if not dry_run and word == "pause":
            await states.pause(desk.store, site, forwarder)
        elif not dry_run:
            await states.resume(desk.store, site, forwarder, now_ms())
        if json:
            body = {"site": site, "forwarder": forwarder, "ordered": None if dry_run else word}
            body["would_order"] = word if dry_run else None
            return as_json(
                {**body, "was": row.state, "pending": row.pending, "delivery_processes": processes}
            )
        if dry_run:
            return f"would {word} {site} {forwarder}, which is {row.state} with {row.pending} pending"
        if word == "pause":
            said = f"{site} {forwarder} is paused: nothing is sent until you resume it; its entries are kept, and age"
        else:
            said = f"{site} {forwarder} is resumed: what waits is sent, {row.pending} pending"
        return said if processes else f"{said} (no delivering process is alive)"

    return work
