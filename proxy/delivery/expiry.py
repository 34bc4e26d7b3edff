"""What has grown too old in an outbox that nothing is sent from: found without claiming it, and ended."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from proxy.store.claims import Claimed, Claims, End

_PAGE: Final = 500
"""Entries read at once; more would keep this process, and the store, from everything else."""
_PAGES: Final = 8
"""Pages beyond the oldest entries that one sweep looks at."""


class Expiry:
    """Looks through one outbox partition, a part at a time. Any number may do so: each entry is ended once.

    Args:
        claims: the outbox.
        judge: returns how an entry ends, or None if it may wait on.
        settle: settles what ends.
    """

    def __init__(
        self,
        claims: Claims,
        judge: Callable[[Claimed], End | None],
        settle: Callable[[Sequence[End]], Awaitable[object]],
    ) -> None:
        self._claims = claims
        self._judge = judge
        self._settle = settle
        self._after = ""

    async def sweep(self) -> None:
        """End what is too old: the oldest entries at once, the others in the course of some sweeps.

        Entries stand in the order in which they came, so that there are none too old where a whole page has none; but for
        those that were old when they came, and those whose kind may wait less long.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        after = ""
        while True:
            page, ended = await self._look(after)
            if not page:
                self._after = ""
                return
            after = page
            if not ended:
                break
        after = self._after or after
        for _ in range(_PAGES):
            after, _ = await self._look(after)
            if not after:
                break
        self._after = after

    async def _look(self, after: str) -> tuple[str, int]:
        """Look at one page; returns where the next begins (empty: there is none), and how many entries have ended."""
        page = await self._claims.page(after, _PAGE)
        ends = [end for one in page if (end := self._judge(one)) is not None]
        if ends:
            await self._settle(ends)
        return page[-1].id if len(page) == _PAGE else "", len(ends)
