"""The proof of having logged in: a signed cookie, the checks of the two forms, and a limit to guessing.

Everything is derived from the admin token and the installation's own secret. Who changes the token ends all sessions;
who holds a signed text cannot try out tokens against it at home, as the secret is not to be guessed (ADR 0030).
"""

import hmac
import secrets
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Final

SESSION_S: Final = 12 * 3600
FORM_S: Final = 3600
WINDOW_S: Final = 600
_MOST_ENDED: Final = 10_000
_MOST_TEXT: Final = 200


class Signer:
    """Signs and reads texts of ours. ``purpose`` keeps those for one thing from being taken for another.

    Args:
        token: the admin token.
        secret: the installation's; the same in all its processes.
        now: Unix seconds.
    """

    def __init__(self, token: str, secret: bytes = b"", now: Callable[[], float] = time.time) -> None:
        self._key = hmac.digest(token.encode(), b"sayso dashboard" + secret, sha256)
        self._now = now

    def sign(self, purpose: str, life_s: int, name: str | None = None) -> str:
        """Return a text that is ours for so many seconds: when it ends, a name (drawn, if not given), the signature."""
        body = f"{int(self._now()) + life_s}.{name or secrets.token_hex(16)}"
        return f"{body}.{self._signature(purpose, body)}"

    def read(self, purpose: str, text: str) -> str | None:
        """Return the name in such a text; None if it is not ours, or has ended."""
        body, _, signature = text.rpartition(".")
        if len(text) > _MOST_TEXT or not hmac.compare_digest(
            signature.encode("utf-8", "surrogatepass"), self._signature(purpose, body).encode()
        ):
            return None
        ends, _, name = body.partition(".")
        return name if int(ends) > self._now() else None

    def _signature(self, purpose: str, body: str) -> str:
        text = f"{purpose}|{body}".encode("utf-8", "surrogatepass")
        return hmac.new(self._key, text, sha256).hexdigest()


class Ended:
    """Sessions that were logged out, until they would have ended by themselves; the oldest go first if too many."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._ends: dict[str, float] = {}

    def end(self, session: str) -> None:
        """End a session."""
        now = self._now()
        self._ends = {one: ends for one, ends in self._ends.items() if ends > now}
        while len(self._ends) >= _MOST_ENDED:
            del self._ends[next(iter(self._ends))]
        self._ends[session] = now + SESSION_S

    def __contains__(self, session: str) -> bool:
        return session in self._ends


class Attempts:
    """Counts wrong passwords, per truncated address and in all, for ten minutes from the first.

    Args:
        each: how many from one address.
        in_all: how many from everywhere.
        now: Unix seconds.
    """

    def __init__(self, each: int = 10, in_all: int = 200, now: Callable[[], float] = time.time) -> None:
        self._each, self._in_all = each, in_all
        self._now = now
        self._until = 0.0
        self._wrong: dict[str, int] = {}
        self._all = 0

    def exhausted(self, address: str) -> bool:
        """Tell whether no more may be tried from there for now, not even the right one."""
        self._turn()
        return self._wrong.get(address, 0) >= self._each or self._all >= self._in_all

    def wrong(self, address: str) -> None:
        """Count a wrong one."""
        self._turn()
        self._wrong[address] = self._wrong.get(address, 0) + 1
        self._all += 1

    def _turn(self) -> None:
        now = self._now()
        if not self._all or not 0 < self._until - now <= WINDOW_S:
            self._until, self._wrong, self._all = now + WINDOW_S, {}, 0


def same_text(given: str, token: str) -> bool:
    """Compare a password with the token, in constant time; no token is matched by nothing."""
    digests = [sha256(one.encode("utf-8", "surrogatepass")).digest() for one in (given, token)]
    return bool(token) and hmac.compare_digest(*digests)
