"""``python -m chaos``: break everything for a while, and show that nothing was lost, doubled, or sent without consent."""

import argparse
import asyncio
import json
import random
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from chaos.campaign import Campaign, Orders, Result
from chaos.disk import enter_namespace
from chaos.processes import NotReadyError
from chaos.report import as_json, text


def main() -> int:
    """Run, print, and return 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="make chaos ARGS=...", description=__doc__)
    parser.add_argument("--seed", type=int, help="of the plan; printed, so that a run can be repeated")
    parser.add_argument(
        "--seconds", type=float, default=180.0, help="for how long things break, all topologies together"
    )
    parser.add_argument("--events", type=int, help="about how many events are sent; default: 40 a second")
    parser.add_argument("--topology", choices=("one", "apart", "both"), default="both")
    parser.add_argument("--json", action="store_true", help="the result as JSON on stdout")
    parser.add_argument("--keep", action="store_true", help="keep all logs even if nothing was wrong")
    chosen = parser.parse_args()
    seed = chosen.seed if chosen.seed is not None else random.SystemRandom().randrange(1_000_000)
    chosen.seed = seed
    arguments = sys.argv[1:] if "--seed" in " ".join(sys.argv) else [*sys.argv[1:], "--seed", str(seed)]
    no_disk = enter_namespace(arguments)
    topologies = ["one", "apart"] if chosen.topology == "both" else [chosen.topology]
    seconds = chosen.seconds / len(topologies)
    events = int((chosen.events or chosen.seconds * 40) / len(topologies))
    results = []
    for topology in topologies:
        folder = Path(tempfile.mkdtemp(prefix=f"sayso-chaos-{topology}-"))
        orders = Orders(topology, seed, seconds, events, folder, no_disk, say=_say)
        _say(f"seed {seed}, {seconds:.0f} s, logs in {folder}")
        result = asyncio.run(_run(orders))
        if result is None:
            return 1
        results.append(result)
        if not chosen.json:
            print(text(result), flush=True)
        if result.good and not chosen.keep:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            (folder / "report.txt").write_text(text(result), encoding="utf-8")
            (folder / "report.json").write_text(json.dumps(as_json(result), indent=1), encoding="utf-8")
            _say(f"logs are kept in {folder}")
    if chosen.json:
        print(json.dumps([as_json(one) for one in results], indent=1))
    return 0 if all(one.good for one in results) else 1


async def _run(orders: Orders) -> Result | None:
    running = asyncio.ensure_future(Campaign(orders).run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    try:
        return await running
    except asyncio.CancelledError:
        _say("told to end; everything was stopped")
        return None
    except NotReadyError as error:
        _say(str(error))
        return None


def _say(words: str) -> None:
    print(f"chaos: {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
