"""Google's Additional Consent string: consent for companies that are not on the IAB's vendor list. Pure.

Google: Additional Consent technical specification, versions 1 and 2. It means something only beside a TC string.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MAX_LENGTH: Final = 8192
_IDS: Final = r"[1-9][0-9]{0,5}(?:\.[1-9][0-9]{0,5})*"
_FORM: Final = re.compile(rf"(?:1~(?P<first>{_IDS})?|2~(?P<second>{_IDS})?~dv(?:\.(?P<shown>{_IDS})?)?)")


@dataclass(frozen=True, slots=True, repr=False)
class AdditionalConsent:
    """The ids of Google's list of ad technology providers that were consented to, and that were shown.

    ``shown`` is None in version 1, which does not tell; what is consented to counts as shown.
    """

    consented: frozenset[int]
    shown: frozenset[int] | None

    def speaks_of(self, provider: int) -> bool:
        """Tell whether the visitor was asked about a provider, as far as this string knows."""
        return self.shown is None or provider in self.shown or provider in self.consented


def decode_additional(text: str) -> AdditionalConsent | None:
    """Read ``1~7.12`` or ``2~7.12~dv.9.41``; None if it is not exactly of one of these forms."""
    if len(text) > MAX_LENGTH:
        return None
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    if text[0] == "1":
        return AdditionalConsent(_ids(match["first"]), None)
    return AdditionalConsent(_ids(match["second"]), _ids(match["shown"]))


def _ids(text: str | None) -> frozenset[int]:
    return frozenset(map(int, text.split("."))) if text else frozenset()
