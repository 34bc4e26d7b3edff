"""Vendors in the words of the IAB's framework: by which ids a consent string names them, and which purposes they take. Pure.

A forwarder's module declares its own as ``iab``. The purposes are those that a vendor declares on the IAB's vendor list,
or that Google maps in "Implement the TCF".
"""

from dataclasses import dataclass
from typing import Final

from proxy.sources.tcf_string import purposes

ONE: Final = purposes(1)


@dataclass(frozen=True, slots=True)
class Vendor:
    """Whom a forwarder sends to, in the IAB's words.

    ``listed`` is the id on the IAB's vendor list, ``provider`` the id on Google's list of ad technology providers, for a
    company that is not on the former. The masks (24 bits) are the purposes that each ad signal takes.
    """

    name: str
    listed: int | None
    provider: int | None
    storage: int
    user_data: int
    personalization: int


GOOGLE: Final = Vendor("google", 755, None, ONE, purposes(1, 7), purposes(3, 4))
LINKEDIN: Final = Vendor("linkedin", 804, None, ONE, purposes(1, 7), purposes(3, 4))
MICROSOFT: Final = Vendor("microsoft", 1126, None, ONE, purposes(1, 7, 9, 10), purposes(2, 3, 4))
META: Final = Vendor("meta", None, 89, ONE, purposes(1, 7), purposes(3, 4))
SITE: Final = Vendor("", None, None, ONE, purposes(1, 7), purposes(3, 4))
