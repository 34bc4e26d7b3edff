"""What a banner's cookies said, kept as proof without keeping the cookies: a keyed hash of them. Pure.

Whoever has the visitor's cookies and the key can show that it was these; nobody else learns anything from it.
"""

import hashlib
from typing import Final

from proxy.sources.cmp import FAMILIES
from proxy.sources.heard import GPP_COOKIE, USP_COOKIE, Heard

_BY_NAME: Final = {family.name: family for family in FAMILIES}
_STRINGS: Final = frozenset({GPP_COOKIE, USP_COOKIE})


def evidence_of(heard: Heard, key: bytes) -> str:
    """Return 32 hex digits that stand for the cookies from which something was heard; empty if there were none.

    Args:
        heard: what was heard.
        key: at most 64 bytes.
    """
    families = [_BY_NAME[name] for name in heard.platform.split("/") if name in _BY_NAME]
    wanted = _STRINGS.union(*(family.cookies for family in families), *(family.also for family in families))
    prefixes = tuple(prefix for family in families for prefix in family.prefixes)
    meant = sorted(
        f"{name}={value}" for name, value in heard.cookies if name in wanted or name.startswith(prefixes)
    )
    if not meant:
        return ""
    text = ";".join(meant).encode("utf-8", "replace")
    return hashlib.blake2b(text, key=key[:64], digest_size=16, person=b"sayso-banner").hexdigest()
