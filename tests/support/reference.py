"""The reference decoders for consent strings: a JavaScript process that stays up, and the shape in which it answers."""

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from proxy.sources.tcf_string import TcString, VendorSet

FOLDER = Path(__file__).resolve().parents[1] / "oracles" / "tcf"
Reading = dict[str, Any]


class Reference:
    """One node process that is asked line by line."""

    def __init__(self, node: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [node, "oracle.mjs"], cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(20)

    def ask(self, operation: str, argument: object) -> Any:
        """Return the answer to one question.

        Raises:
            RuntimeError: the reference refused, or is gone.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([operation, argument]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        answer = json.loads(line) if line else {"failed": "no answer"}
        if "failed" in answer:
            raise RuntimeError(answer["failed"])
        return answer["ok"]

    def read(self, texts: list[str]) -> list[Reading]:
        """Return what the reference reads from TC strings."""
        found: list[Reading] = self.ask("readMany", texts)
        return found


def _ranges(ids: list[int]) -> list[int]:
    out: list[int] = []
    for one in ids:
        if out and out[-1] == one - 1:
            out[-1] = one
        else:
            out += [one, one]
    return out


def _of_bits(bits: int, width: int) -> list[int]:
    return _ranges([one for one in range(1, width + 1) if bits >> (width - one) & 1])


def _joined(ranges: tuple[int, ...]) -> list[int]:
    """Join ranges that touch: the reference's are made from single ids."""
    out: list[int] = []
    for start, end in zip(ranges[::2], ranges[1::2], strict=True):
        if out and out[-1] == start - 1:
            out[-1] = end
        else:
            out += [start, end]
    return out


def _vendors(vendors: VendorSet) -> list[int]:
    return _joined(vendors.ranges) if vendors.ranges else _of_bits(vendors.bits, vendors.highest)


def reading(tc: TcString) -> Reading:
    """Return what we read from a string in the shape in which the reference says it."""
    restrictions: dict[tuple[int, int], set[int]] = {}
    for one in tc.restrictions:
        pairs = zip(one.vendors[::2], one.vendors[1::2], strict=True)
        ids = {vendor for start, end in pairs for vendor in range(start, end + 1)}
        if ids:
            restrictions.setdefault((one.purpose, one.kind), set()).update(ids)
    own = tc.publisher
    return {
        "version": 2,
        "created_at": tc.created_at,
        "updated_at": tc.updated_at,
        "cmp_id": tc.cmp_id,
        "cmp_version": tc.cmp_version,
        "screen": tc.screen,
        "language": tc.language,
        "vendor_list_version": tc.vendor_list_version,
        "policy_version": tc.policy_version,
        "service_specific": tc.service_specific,
        "non_standard_texts": tc.non_standard_texts,
        "special_features": _of_bits(tc.special_features, 12),
        "purposes": _of_bits(tc.purposes, 24),
        "interests": _of_bits(tc.interests, 24),
        "purpose_one_treatment": tc.purpose_one_treatment,
        "publisher_country": tc.publisher_country,
        "vendor_consents": _vendors(tc.vendor_consents),
        "vendor_interests": _vendors(tc.vendor_interests),
        "restrictions": [[p, kind, _ranges(sorted(ids))] for (p, kind), ids in restrictions.items()],
        "disclosed": None if tc.disclosed is None else _vendors(tc.disclosed),
        "allowed": None if tc.allowed is None else _vendors(tc.allowed),
        "publisher": None
        if own is None
        else {
            "consents": _of_bits(own.consents, 24),
            "interests": _of_bits(own.interests, 24),
            "custom_count": own.custom_count,
            "custom_consents": _of_bits(own.custom_consents, own.custom_count),
            "custom_interests": _of_bits(own.custom_interests, own.custom_count),
        },
    }


def state(rng: Any) -> Reading:
    """Make up a state that a banner could have written, in the same shape, for the reference to write."""
    highest = rng.choice((0, 5, 60, 900, 1500))

    def vendors() -> list[int]:
        if not highest:
            return []
        if rng.random() < 0.5:
            return _ranges(sorted(rng.sample(range(1, highest + 1), rng.randint(0, min(highest, 40)))))
        share = rng.random()
        return _ranges([one for one in range(1, highest + 1) if rng.random() < share])

    def some(width: int) -> list[int]:
        return _of_bits(rng.getrandbits(width), width) if width else []

    day = rng.randint(17_500, 20_900) * 86_400_000
    custom = rng.choice((0, 0, 1, 7, 63))
    pairs = [(p, kind) for p in range(1, 12) for kind in range(3)]
    restrictions = [[p, kind, vendors()] for p, kind in rng.sample(pairs, rng.choice((0, 0, 1, 4)))]
    return {
        "created_at": day,
        "updated_at": day + rng.choice((0, 0, 864_000_00, 123_400)),
        "cmp_id": rng.randint(2, 4095),
        "cmp_version": rng.randint(0, 4095),
        "screen": rng.randint(0, 63),
        "language": rng.choice(("EN", "NO", "DE", "ZZ", "AA")),
        "vendor_list_version": rng.randint(0, 4095),
        "policy_version": rng.choice((4, 5, 5, 5, 2, 63)),
        "service_specific": rng.random() < 0.9,
        "non_standard_texts": rng.random() < 0.5,
        "special_features": some(12),
        "purposes": some(24),
        "interests": some(24),
        "purpose_one_treatment": rng.random() < 0.2,
        "publisher_country": rng.choice(("NO", "DK", "AA", "ZZ")),
        "vendor_consents": vendors(),
        "vendor_interests": vendors(),
        "restrictions": [one for one in restrictions if one[2]],
        "disclosed": vendors() if rng.random() < 0.8 else None,
        "allowed": vendors() if rng.random() < 0.2 else None,
        "publisher": {
            "consents": some(24),
            "interests": some(24),
            "custom_count": custom,
            "custom_consents": some(custom),
            "custom_interests": some(custom),
        }
        if rng.random() < 0.7
        else None,
    }
