"""``accept.lua``: a group of events goes into one partition at once: deduped, appended, counted, or not at all."""

import asyncio
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.store.client import Store, StoreUnavailableError, script
from proxy.store.keys import OutboxKeys, outbox_keys, partition_of
from proxy.store.outbox import Outbox, Put
from proxy.store.trouble import OutboxFullError
from proxy.store.wire import Arg
from tests.support.rig import ask

FULL, PING, DROP = "full|granted", "cookieless|consent_unknown", "drop|consent_denied"


def put(ref: str, *parts: tuple[str, str, bytes | None], seen: bool = True, site: str = "shop") -> Put:
    """Return an event for the named forwarders; without any, one full entry for ``meta``."""
    return Put(ref, seen, site, list(parts) or [("meta", FULL, ref.encode())])


def keys(name: str = "meta", site: str = "shop", partition: int = 0) -> OutboxKeys:
    """Return the names of a forwarder's keys."""
    return outbox_keys(partition, site, name)


async def entries(store: Store, name: str = "meta", site: str = "shop", partition: int = 0) -> list[bytes]:
    """Return what stands in an outbox."""
    found = await ask(store, "XRANGE", keys(name, site, partition).stream, "-", "+")
    return [fields[b"e"] for _, fields in found]


async def counts(store: Store, partition: int = 0) -> dict[str, int]:
    """Return a partition's counters."""
    found = await ask(store, "HGETALL", keys(partition=partition).counts)
    return {name.decode(): int(value) for name, value in found.items()}


def outbox(store: Store, *, partitions: int = 1, most: int = 1000) -> Outbox:
    """Return the taking side of the outboxes."""
    return Outbox(store, partitions=partitions, most_entries=most)


class TestTaking:
    async def test_each_forwarder_gets_its_own_entry(self, store: Store) -> None:
        event = put("r1", ("meta", FULL, b"for meta"), ("ga", PING, b"for ga"), ("ads", DROP, None))
        assert await outbox(store).put([event]) == [True]
        assert (await entries(store), await entries(store, "ga"), await entries(store, "ads")) == (
            [b"for meta"],
            [b"for ga"],
            [],
        )
        assert await counts(store) == {
            "r|shop": 1,
            "f|shop|meta": 1,
            "f|shop|ga": 1,
            "f|shop|ads": 1,
            "d|shop|meta|full|granted": 1,
            "d|shop|ga|cookieless|consent_unknown": 1,
            "d|shop|ads|drop|consent_denied": 1,
            "o|shop|ads|dropped|consent_denied": 1,
        }

    async def test_bytes_come_back_as_they_are(self, store: Store) -> None:
        raw = bytes(range(256)) * 100
        await outbox(store).put([put("r1", ("meta", FULL, raw))])
        assert await entries(store) == [raw]

    async def test_the_answers_are_in_the_order_of_the_events(self, store: Store) -> None:
        box = outbox(store)
        await box.put([put("b")])
        assert await box.put([put("a"), put("b"), put("c"), put("a"), put("b", seen=False)]) == [
            True,
            False,
            True,
            False,
            True,
        ]

    async def test_a_site_without_forwarders_counts_its_events(self, store: Store) -> None:
        assert await outbox(store).put([Put("r1", True, "shop", [])]) == [True]
        assert await counts(store) == {"r|shop": 1}

    async def test_nothing_is_nothing(self, store: Store) -> None:
        assert await outbox(store).put([]) == []
        assert await store.redis.dbsize() == 0

    async def test_those_that_come_at_the_same_time_share_a_round_trip(self, store: Store) -> None:
        box = outbox(store)
        await box.put([put("first")])
        before = (await store.redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
        await asyncio.gather(*(box.put([put(f"r{n}")]) for n in range(500)))
        after = (await store.redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
        assert after - before <= 5
        assert len(await entries(store)) == 501


class TestAllOrNothing:
    async def test_a_repeat_of_a_group_changes_nothing_and_is_answered_as_the_first(
        self, store: Store
    ) -> None:
        """Its answer was lost on the way: the script is sent again, and must not take its own events for duplicates."""
        names = keys()
        args: list[Arg] = [
            100,
            1000,
            1 << 30,
            1,
            "",
            "",
            "",
            1,
            1,
            0,
            1,
            "shop",
            1,
            "meta",
            FULL,
            1,
            2,
            1,
            1,
            "",
            b"one",
            0,
            1,
            "",
            b"two",
        ]
        for _ in range(3):
            answer = await store.run(
                script("accept"),
                [names.counts, "sayso:{p0}:seen:group:x", names.stream, "sayso:{p0}:seen:r", names.trail],
                args,
            )
            assert answer == b"11."
        assert await entries(store) == [b"one", b"two"]
        assert (await counts(store))["r|shop"] == 2

    @pytest.mark.parametrize("spoiled", ["counts", "stream"])
    async def test_a_failure_leaves_nothing_behind(self, store: Store, spoiled: str) -> None:
        """Above all no mark that the event was seen: its repeat would be taken for a duplicate, and be lost."""
        key = getattr(keys("ga"), spoiled)
        await store.redis.set(key, "of another type")
        event = put("r1", ("meta", FULL, b"m"), ("ga", FULL, b"g"))
        for _ in range(2):
            with pytest.raises(StoreUnavailableError):
                await outbox(store).put([event])
            assert await store.redis.dbsize() == 1
        await store.redis.delete(key)
        assert await outbox(store).put([event]) == [True]
        assert (await entries(store), await entries(store, "ga")) == ([b"m"], [b"g"])

    async def test_one_partitions_failure_is_told_though_others_took_theirs(self, store: Store) -> None:
        """Nothing of the request may be acknowledged; its repeat finds the others' events as duplicates."""
        refs = {partition_of(f"r{n}", 2): f"r{n}" for n in range(50)}
        await store.redis.set(keys(partition=1).counts, "of another type")
        box = outbox(store, partitions=2)
        with pytest.raises(StoreUnavailableError):
            await box.put([put(refs[0]), put(refs[1])])
        await store.redis.delete(keys(partition=1).counts)
        assert await box.put([put(refs[0]), put(refs[1])]) == [False, True]
        assert len(await entries(store)) == len(await entries(store, partition=1)) == 1


class TestBounds:
    async def test_a_full_outbox_takes_no_more_and_counts_it(self, store: Store) -> None:
        box = outbox(store, most=3)
        events = [put(f"r{n}", ("meta", FULL, b"m"), ("ads", DROP, None)) for n in range(5)]
        assert await box.put(events) == [True] * 5
        assert len(await entries(store)) == 3
        assert (await counts(store))["o|shop|meta|dropped|outbox_full"] == 2
        await box.put([put("r9", ("ga", FULL, b"g"))])
        assert len(await entries(store, "ga")) == 1

    async def test_an_outbox_is_bounded_by_its_memory_too(self, store: Store) -> None:
        """The server's own estimate of the stream's memory counts."""
        box = Outbox(store, partitions=1, most_entries=1_000_000, most_bytes=200_000)
        big = b"m" * 200
        for n in range(1200):
            await box.put([put(f"r{n}", ("meta", FULL, big), ("ga", FULL, b"g"))])
        taken = len(await entries(store))
        assert 500 < taken < 1000
        assert await ask(store, "MEMORY", "USAGE", keys().stream) < 200_000 + 17 * 250
        assert len(await entries(store, "ga")) == 1200
        assert (await counts(store))["o|shop|meta|dropped|outbox_full"] == 1200 - taken

    async def test_within_one_group_the_bytes_that_it_brings_count(self, store: Store) -> None:
        box = Outbox(store, partitions=1, most_entries=1_000_000, most_bytes=2000)
        await box.put([put(f"r{n}", ("meta", FULL, b"m" * 200)) for n in range(100)])
        assert len(await entries(store)) == 10

    async def test_room_that_delivery_makes_is_used_again(self, store: Store) -> None:
        box = Outbox(store, partitions=1, most_entries=5, most_bytes=1 << 30)
        await box.put([put(f"r{n}") for n in range(9)])
        assert len(await entries(store)) == 5
        await store.redis.xtrim(keys().stream, maxlen=3, approximate=False)
        await box.put([put(f"s{n}") for n in range(9)])
        assert [entry[:1] for entry in await entries(store)] == [b"r"] * 3 + [b"s"] * 2

    async def test_what_it_dropped_is_seen_all_the_same(self, store: Store) -> None:
        box = outbox(store, most=0)
        assert await box.put([put("r1")]) == [True]
        assert await box.put([put("r1")]) == [False]

    async def test_marks_of_what_was_seen_end_after_48_hours(self, store: Store) -> None:
        await outbox(store).put([put("r1")])
        assert 48 * 3600 - 5 <= await store.redis.ttl("sayso:{p0}:seen:r1") <= 48 * 3600

    async def test_marks_of_groups_end_after_a_minute(self, store: Store) -> None:
        await outbox(store).put([put("r1")])
        (group,) = await ask(store, "KEYS", "*:group:*")
        assert 0 < await store.redis.ttl(group) <= 60


class TestRefusing:
    """``when_full = "refuse"``: a request with an event that does not fit is refused as a whole, and nothing counted."""

    def refusing(
        self, store: Store, *, most: int = 2, partitions: int = 1, most_bytes: int = 1 << 30
    ) -> Outbox:
        """Return an outbox of two entries that refuses the third."""
        return Outbox(store, partitions=partitions, most_entries=most, most_bytes=most_bytes, refuse=True)

    async def test_the_request_is_refused_and_leaves_nothing_behind(self, store: Store) -> None:
        box = self.refusing(store)
        await box.put([put("r1"), put("r2")])
        before = await counts(store)
        for _ in range(2):
            with pytest.raises(OutboxFullError):
                await box.put([put("r3", ("meta", FULL, b"m"), ("ga", FULL, b"g"))])
        assert await counts(store) == before
        assert await entries(store, "ga") == []
        await store.redis.xtrim(keys().stream, maxlen=1, approximate=False)
        assert await box.put([put("r3", ("meta", FULL, b"m"), ("ga", FULL, b"g"))]) == [True]

    async def test_its_events_share_its_fate(self, store: Store) -> None:
        """Else a client that sends all of them again would double those without an id of its own."""
        box = self.refusing(store)
        with pytest.raises(OutboxFullError):
            await box.put([put(f"r{n}", seen=False) for n in range(3)])
        assert await entries(store) == []
        assert await box.put([put(f"r{n}", seen=False) for n in range(2)]) == [True, True]

    async def test_others_of_the_same_group_are_taken(self, store: Store) -> None:
        box = self.refusing(store)
        results = await asyncio.gather(
            box.put([put("a")]),
            box.put([put("b"), put("c")]),
            box.put([put("d", ("ga", FULL, b"g"))]),
            box.put([put("e", ("meta", DROP, None))]),
            box.put([put("f")]),
            box.put([put("g")]),
            return_exceptions=True,
        )
        assert [result if isinstance(result, list) else type(result) for result in results] == [
            [True],
            OutboxFullError,
            [True],
            [True],
            [True],
            OutboxFullError,
        ]
        assert await entries(store) == [b"a", b"f"]
        assert (await counts(store))["r|shop"] == 4

    async def test_a_repeat_of_what_it_has_is_a_duplicate_and_needs_no_room(self, store: Store) -> None:
        """Its first answer was lost on the way; a 503 now would make the client try for ever."""
        box = self.refusing(store)
        await box.put([put("r1"), put("r2")])
        assert await box.put([put("r1"), put("r2")]) == [False, False]

    async def test_bytes_are_bounded_too(self, store: Store) -> None:
        box = self.refusing(store, most=1000, most_bytes=1000)
        with pytest.raises(OutboxFullError):
            await box.put([put("r1", ("meta", FULL, b"m" * 1001))])
        assert await box.put([put("r2", ("meta", FULL, b"m" * 400))]) == [True]

    async def test_in_several_partitions_a_refusal_is_told_though_others_took_theirs(
        self, store: Store
    ) -> None:
        """A repeat finds those as duplicates, if they have an id of the client's own."""
        refs = {partition_of(f"r{n}", 2): f"r{n}" for n in range(50)}
        box = self.refusing(store, most=1, partitions=2)
        await store.redis.xadd(keys(partition=1).stream, {"e": "there"})
        with pytest.raises(OutboxFullError):
            await box.put([put(refs[0]), put(refs[1])])
        await store.redis.delete(keys(partition=1).stream)
        assert await box.put([put(refs[0]), put(refs[1])]) == [False, True]


class TestPartitions:
    async def test_all_keys_of_one_script_share_a_hash_tag(self, store: Store) -> None:
        """So that a cluster can take it: all that one event touches is on one node."""
        box = outbox(store, partitions=3)
        await box.put([put(f"r{n}", ("meta", FULL, b"m"), ("ga", PING, b"g")) for n in range(60)])
        tags = {re.findall(r"\{(.*?)\}", key.decode())[0] for key in await ask(store, "KEYS", "*")}
        assert tags == {"p0", "p1", "p2"}

    async def test_an_event_is_always_in_the_same_one(self, store: Store) -> None:
        box = outbox(store, partitions=7)
        refs = [f"r{n}" for n in range(70)]
        assert all(await box.put([put(ref) for ref in refs]))
        assert not any(await box.put([put(ref) for ref in reversed(refs)]))


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    groups=st.lists(
        st.lists(
            st.tuples(
                st.integers(0, 12),
                st.booleans(),
                st.sampled_from(["north", "south"]),
                st.dictionaries(
                    st.sampled_from(["a", "b", "c"]), st.sampled_from([FULL, PING, DROP]), max_size=3
                ),
            ),
            min_size=1,
            max_size=6,
        ),
        min_size=1,
        max_size=5,
    ),
    most=st.integers(0, 8),
)
async def test_the_sum_holds_whatever_comes(
    store: Store, groups: list[list[tuple[int, bool, str, dict[str, str]]]], most: int
) -> None:
    """Received = dropped + pending, per site and forwarder, after any events in any groups at the same time."""
    await store.redis.flushdb()
    box = outbox(store, most=most)
    requests = [
        [
            Put(
                f"{site}-{number}",
                seen,
                site,
                [(name, code, None if code == DROP else b"e") for name, code in parts.items()],
            )
            for number, seen, site, parts in group
        ]
        for group in groups
    ]
    answers = await asyncio.gather(*(box.put(request) for request in requests))
    assert [len(answer) for answer in answers] == [len(request) for request in requests]
    found = await counts(store)
    for site in ("north", "south"):
        events = [event for request in requests for event in request if event.site == site]
        assert found.get(f"r|{site}", 0) == len(events)
        seen = [event.ref for event in events if event.seen]
        new = sum(
            taken
            for request, answer in zip(requests, answers, strict=True)
            for event, taken in zip(request, answer, strict=True)
            if event.site == site and event.seen
        )
        assert new == len(set(seen))
        for name in ("a", "b", "c"):
            received = sum(name in {part[0] for part in event.parts} for event in events)
            ended = sum(value for key, value in found.items() if key.startswith(f"o|{site}|{name}|"))
            decided = sum(value for key, value in found.items() if key.startswith(f"d|{site}|{name}|"))
            pending = len(await entries(store, name, site))
            assert found.get(f"f|{site}|{name}", 0) == received == decided == ended + pending
            assert pending <= most
