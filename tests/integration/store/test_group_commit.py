"""Group commit: what arrives during one flush is the next; each gets its own answer, or the error of its own group."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from proxy.store.client import StoreUnavailableError
from proxy.store.commit import GroupCommit
from tests.support.rig import until


@dataclass
class Flusher:
    """A store that answers when a test lets it. ``groups`` are what it was given."""

    groups: list[list[int]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    failing: set[int] = field(default_factory=set)
    breaking: set[int] = field(default_factory=set)
    under_way: int = 0

    async def __call__(self, items: Sequence[int]) -> list[int]:
        """Answer each number with its tenfold."""
        self.groups.append(list(items))
        self.under_way += 1
        assert self.under_way == 1, "two flushes at once"
        await self.gate.wait()
        self.under_way -= 1
        if self.failing & set(items):
            raise StoreUnavailableError("as told")
        if self.breaking & set(items):
            raise ZeroDivisionError
        return [item * 10 for item in items]


@pytest.fixture
def flusher() -> Flusher:
    """Return a store that waits."""
    return Flusher()


async def begun(flusher: Flusher, groups: int) -> None:
    """Wait until so many flushes have begun."""
    await until(lambda: len(flusher.groups) >= groups, f"{groups} flushes")


class TestGroups:
    async def test_what_arrives_together_is_flushed_together(self, flusher: Flusher) -> None:
        commit = GroupCommit(flusher)
        flusher.gate.set()
        assert await asyncio.gather(*(commit.submit(n) for n in range(10))) == [n * 10 for n in range(10)]
        assert flusher.groups == [list(range(10))]

    async def test_what_arrives_meanwhile_is_the_next_group(self, flusher: Flusher) -> None:
        commit = GroupCommit(flusher)
        first = commit.submit(1)
        await begun(flusher, 1)
        later = [commit.submit(n) for n in (2, 3, 4)]
        flusher.gate.set()
        assert await asyncio.gather(first, *later) == [10, 20, 30, 40]
        assert flusher.groups == [[1], [2, 3, 4]]

    async def test_a_group_is_no_larger_than_its_bound(self, flusher: Flusher) -> None:
        commit = GroupCommit(flusher, largest=3)
        flusher.gate.set()
        assert await asyncio.gather(*(commit.submit(n) for n in range(8))) == [n * 10 for n in range(8)]
        assert [len(group) for group in flusher.groups] == [3, 3, 2]

    async def test_after_a_pause_it_begins_again(self, flusher: Flusher) -> None:
        commit = GroupCommit(flusher)
        flusher.gate.set()
        for n in range(3):
            assert await commit.submit(n) == n * 10
        assert flusher.groups == [[0], [1], [2]]


class TestFailures:
    async def test_when_the_store_is_away_all_who_wait_are_told_at_once(self, flusher: Flusher) -> None:
        """They have waited as long as those before them; who comes afterwards is tried anew."""
        commit = GroupCommit(flusher, largest=2)
        flusher.failing = {1}
        flusher.gate.set()
        results = await asyncio.gather(*(commit.submit(n) for n in range(6)), return_exceptions=True)
        assert all(isinstance(result, StoreUnavailableError) for result in results)
        assert flusher.groups == [[0, 1]]
        assert await commit.submit(7) == 70

    async def test_another_error_is_its_own_groups(self, flusher: Flusher) -> None:
        """What one event breaks, it breaks for those who share its group, and for nobody else."""
        commit = GroupCommit(flusher, largest=2)
        flusher.breaking = {3}
        flusher.gate.set()
        results = await asyncio.gather(*(commit.submit(n) for n in range(6)), return_exceptions=True)
        assert [isinstance(result, ZeroDivisionError) for result in results] == [
            False,
            False,
            True,
            True,
            False,
            False,
        ]

    async def test_who_does_not_wait_any_more_costs_the_others_nothing(self, flusher: Flusher) -> None:
        """Nor does a failure that nobody looks at end up in asyncio's log."""
        commit = GroupCommit(flusher)
        gone, here = commit.submit(1), commit.submit(2)
        await begun(flusher, 1)
        gone.cancel()
        flusher.gate.set()
        assert await here == 20
        flusher.failing = {3}
        commit.submit(3)
        await commit.close()
        assert await commit.submit(4) == 40

    async def test_beyond_the_bound_it_is_unavailable_at_once(self, flusher: Flusher) -> None:
        """Memory stays bounded while the store hangs, and the client is told."""
        commit = GroupCommit(flusher, largest=2, bound=5)
        taken = [commit.submit(n) for n in range(2)]
        await begun(flusher, 1)
        taken += [commit.submit(n) for n in range(2, 7)]
        with pytest.raises(StoreUnavailableError):
            commit.submit(7)
        flusher.gate.set()
        assert await asyncio.gather(*taken) == [n * 10 for n in range(7)]
        assert await commit.submit(8) == 80


class TestClosing:
    async def test_it_waits_for_what_is_under_way(self, flusher: Flusher) -> None:
        commit = GroupCommit(flusher, largest=1)
        futures = [commit.submit(n) for n in range(3)]
        await begun(flusher, 1)
        closing = asyncio.create_task(commit.close())
        await asyncio.sleep(0)
        assert not closing.done()
        flusher.gate.set()
        await closing
        assert [future.result() for future in futures] == [0, 10, 20]

    async def test_without_anything_under_way_it_is_closed_at_once(self, flusher: Flusher) -> None:
        await GroupCommit(flusher).close()
        assert flusher.groups == []
