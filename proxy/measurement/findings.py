"""What is wrong with a Measurement Protocol request: where, what is allowed there, and whether it costs the event."""

from dataclasses import dataclass, field
from enum import StrEnum

from proxy.reasons import Invalid


class Code(StrEnum):
    """Google's validation codes (Measurement Protocol, validation server)."""

    VALUE_INVALID = "VALUE_INVALID"
    VALUE_REQUIRED = "VALUE_REQUIRED"
    NAME_INVALID = "NAME_INVALID"
    NAME_RESERVED = "NAME_RESERVED"
    VALUE_OUT_OF_BOUNDS = "VALUE_OUT_OF_BOUNDS"
    EXCEEDED_MAX_ENTITIES = "EXCEEDED_MAX_ENTITIES"


CODE_OF = {
    Invalid.NAME: Code.NAME_INVALID,
    Invalid.TOO_LARGE: Code.VALUE_OUT_OF_BOUNDS,
    Invalid.TOO_MANY: Code.EXCEEDED_MAX_ENTITIES,
    Invalid.MISSING: Code.VALUE_REQUIRED,
}
"""Google's code for each reason of ours; for every other it is ``VALUE_INVALID``."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. It names places and what is allowed there, never what was sent.

    ``index`` is the event's, None for what stands outside the events. ``detail`` is ``place: what is allowed``, the
    place as seen from the event. ``reason`` None: only the debug route says so, and the event is taken.
    """

    index: int | None
    place: str
    words: str
    code: Code
    reason: Invalid | None

    @property
    def detail(self) -> str:
        """The place and what is allowed there."""
        return f"{self.place}: {self.words}" if self.place else self.words

    @property
    def path(self) -> str:
        """The place as seen from the body. As with Google, that of an event's name is the list."""
        if self.index is None:
            return self.place
        return "events" if self.place in {"", "name"} else f"events[{self.index}].{self.place}"

    @property
    def description(self) -> str:
        """What the debug route says: the detail, with the event that it is about, and what comes of it."""
        at = "" if self.index is None else f"events[{self.index}]" + ("." if self.place else ": ")
        return f"{at}{self.detail} ({'refused' if self.reason is not None else 'a remark'})"


_MOST_REMARKS = 200


@dataclass(slots=True)
class Findings:
    """Collects what is wrong with one request. ``strict``: what would be a remark is a refusal."""

    strict: bool = False
    index: int | None = None
    """The event that is being read."""
    found: list[Finding] = field(default_factory=list)

    def refuse(
        self, place: str, words: str, reason: Invalid = Invalid.TYPE, code: Code | None = None
    ) -> None:
        """Note what costs the event, or outside of the events all of them."""
        code = code or CODE_OF.get(reason, Code.VALUE_INVALID)
        self.found.append(Finding(self.index, place, words, code, reason))

    def remark(self, place: str, words: str, code: Code = Code.VALUE_INVALID) -> None:
        """Note what only the debug route says, unless the sender wants recommendations enforced."""
        reason = None
        if self.strict:
            reason = Invalid.MISSING if code is Code.VALUE_REQUIRED else Invalid.TYPE
        elif len(self.found) >= _MOST_REMARKS:
            return
        self.found.append(Finding(self.index, place, words, code, reason))

    def refused(self, index: int | None) -> Finding | None:
        """Return the first thing that costs that event."""
        for finding in self.found:
            if finding.index == index and finding.reason is not None:
                return finding
        return None
