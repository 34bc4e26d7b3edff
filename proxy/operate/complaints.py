"""What ``sayso doctor`` says: one line for each thing that is wrong, and what to do about it. Pure."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

from proxy.operate.shown import as_json, counted

Area = Literal["configuration", "machine", "store", "delivery", "gateway"]
Grade = Literal["wrong", "unwise", "note"]
"""``wrong`` is to be mended, and makes the exit status 1. ``unwise`` works, at a risk. ``note`` is good to know."""
_GRADES: tuple[Grade, ...] = ("wrong", "unwise", "note")


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that a doctor finds. No visitor, no secret is named in it."""

    area: Area
    grade: Grade
    what: str
    remedy: str = ""


def status_of(complaints: Iterable[Complaint]) -> int:
    """Return the exit status: 1 if something is wrong, else 0."""
    return int(any(one.grade == "wrong" for one in complaints))


def written(complaints: Iterable[Complaint], *, json: bool) -> str:
    """Write what was found, worst first."""
    found = sorted(complaints, key=lambda one: _GRADES.index(one.grade))
    wrong = sum(one.grade == "wrong" for one in found)
    if json:
        return as_json({"status": "wrong" if wrong else "well", "findings": [asdict(one) for one in found]})
    lines = []
    for one in found:
        remedy = f"\n        better: {one.remedy}" if one.remedy else ""
        lines.append(f"{one.grade:<7} {one.area}: {one.what}{remedy}")
    lines.append(f"{counted(wrong, 'thing is', 'things are')} wrong" if wrong else "nothing is wrong")
    return "\n".join(lines)
