"""Records what the reference reads from some three hundred strings, so that they are compared where there is no node.

Run from the root after a change of the reference's version: ``python -m tests.oracles.tcf.make_vectors``. A string is
recorded with the fields of ``tests.support.reference.reading``, or with the name of the error that the reference threw.
"""

import json
import random
import shutil
import sys
from pathlib import Path

from tests.support.reference import FOLDER, Reference, state

FILE = FOLDER / "vectors.json"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
LONGEST = 260


def strings(reference: Reference) -> list[str]:
    """Return the strings: a third as written, the rest cut off or with a bit turned over."""
    rng = random.Random(2026)  # noqa: S311 - the same strings every time
    whole: list[str] = []
    while len(whole) < 110:
        text = reference.ask("write", state(rng))
        if len(text) <= LONGEST or len(whole) % 40 == 0:
            whole.append(text)
    found = list(whole)
    for text in whole:
        found.append(text[: rng.randrange(1, len(text))])
        place = rng.choice([at for at, letter in enumerate(text) if letter != "."])
        other = ALPHABET[ALPHABET.index(text[place]) ^ (1 << rng.randrange(6))]
        found.append(text[:place] + other + text[place + 1 :])
    return found


def main() -> int:
    """Write the file; return the exit status."""
    node = shutil.which("node")
    if node is None or not Path(FOLDER / "node_modules").is_dir():
        sys.stderr.write("no node, or no reference: sh tools/ensure_oracles.sh\n")
        return 1
    with Reference(node) as reference:
        texts = strings(reference)
        pairs = zip(texts, reference.read(texts), strict=True)
        lines = [json.dumps([text, read], separators=(",", ":")) for text, read in pairs]
    FILE.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
