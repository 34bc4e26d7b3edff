"""Several processes on one data_dir, killed for real: one owner, one server, nothing lost."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.store import embedded_place, embedded_wire
from proxy.store.embedded import StoreStartError
from tests.support.embedded import (
    Other,
    Start,
    alive,
    ask,
    environment_of,
    no_parent_death,
    servers,
    until,
)


async def test_second_process_attaches_and_leaves_the_server_alone(
    start: Start, other: Callable[..., Other]
) -> None:
    """Only the owner ends the server."""
    store = await start()
    second = other()
    state = await second.ready()
    assert (state.owner, state.pid, state.socket) == (False, store.pid, str(store.socket))
    assert await asyncio.to_thread(second.leave) == 0
    assert await ask(store, "PING") == "PONG"


async def test_server_ends_with_its_killed_owner(other: Callable[..., Other]) -> None:
    """No server is left behind, and it is in no terminal's group, nor does it inherit our secrets."""
    owner = other(SHOP_TOKEN="s3cret")
    state = await owner.ready()
    assert os.getsid(state.pid) != os.getsid(owner.process.pid)
    assert b"s3cret" not in environment_of(state.pid)
    owner.kill()
    await until(lambda: not alive(state.pid), "the server's end")


@pytest.mark.parametrize("way", ["kill", "leave"])
async def test_attached_process_takes_over_when_the_owner_is_gone(
    other: Callable[..., Other], way: str
) -> None:
    """Whether the owner was killed or stopped: the other one starts the server again, with all its data."""
    owner, attached = other(), None
    state = await owner.ready()
    attached = other()
    assert not (await attached.ready()).owner
    await ask(state, "SET", "k", "v")
    await asyncio.to_thread(owner.kill if way == "kill" else owner.leave)
    await until(lambda: attached.state().owner and attached.state().pid != state.pid, "a new owner")
    now = attached.state()
    await until(lambda: not alive(state.pid), "the old server's end")
    assert await ask(now, "GET", "k") == "v"
    assert servers(Path(now.socket).parent) == [now.pid]


async def test_attached_process_takes_over_a_server_that_outlived_its_owner(
    other: Callable[..., Other], data_dir: Path
) -> None:
    """Where the kernel does not end the server, it is kept and merely gets a new owner."""
    owner = other(data_dir, "--exec", str(no_parent_death(data_dir)))
    state = await owner.ready()
    attached = other()
    await attached.ready()
    owner.kill()
    await until(lambda: attached.state().owner, "a new owner")
    assert attached.state().pid == state.pid
    assert await asyncio.to_thread(attached.leave) == 0
    assert not alive(state.pid)


async def test_orphan_is_adopted_and_looked_after(
    start: Start, other: Callable[..., Other], data_dir: Path
) -> None:
    """No second server is started; the promise asked for now is set, and a later end is noticed."""
    owner = other(data_dir, "--exec", str(no_parent_death(data_dir)))
    state = await owner.ready()
    await ask(state, "SET", "k", "v")
    owner.kill()
    store = await start(durability="everysec")
    assert (store.owner, store.pid) == (True, state.pid)
    assert await ask(store, "CONFIG", "GET", "appendfsync") == ["appendfsync", "everysec"]
    watch = asyncio.create_task(store.watch())
    os.kill(state.pid, signal.SIGKILL)
    await until(lambda: store.pid != state.pid, "another server")
    assert await ask(store, "GET", "k") == "v"
    await store.stop()
    await watch


@pytest.mark.parametrize("ended", [True, False])
async def test_start_right_after_the_owner_was_killed_loses_nothing(
    start: Start, other: Callable[..., Other], data_dir: Path, ended: bool
) -> None:
    """The next owner waits for the dying server rather than start a second one beside it.

    Not `ended`: the kernel has not even taken the dead owner's locks away yet. Then one may still attach, and takes over.
    """
    last = 0
    for round_ in range(1, 6):
        owner = other()
        last = (await owner.ready()).pid
        await until(lambda: owner.state().owner, "the ownership")  # noqa: B023 - used in this round only
        assert await ask(owner.state(), "INCR", "n") == round_
        os.kill(owner.process.pid, signal.SIGKILL)
        if ended:
            owner.process.wait()
    store = await start()
    if ended:
        assert store.owner
        assert store.pid != last, "a server that was told to end is none to rely on"
    watch = asyncio.create_task(store.watch())
    await until(lambda: store.owner and not alive(last) and alive(store.pid), "the takeover")
    assert await ask(store, "GET", "n") == "5"
    assert servers(data_dir) == [store.pid]
    await store.stop()
    await watch


async def test_simultaneous_starts_make_one_owner_and_one_server(
    other: Callable[..., Other], data_dir: Path
) -> None:
    """Of processes that start at the same moment one owns; when it is killed, one of the others does."""
    crowd = [other() for _ in range(5)]
    states = await asyncio.gather(*(process.ready() for process in crowd))
    assert [state.owner for state in states].count(True) == 1
    assert {state.pid for state in states} == {servers(data_dir)[0]}
    first = next(process for process, state in zip(crowd, states, strict=True) if state.owner)
    first.kill()
    rest = [process for process in crowd if process is not first]
    old = states[0].pid

    def agreed() -> bool:
        seen = [process.state() for process in rest]
        return (
            [state.owner for state in seen].count(True) == 1
            and len({state.pid for state in seen} - {old}) == 1
            and (old not in {state.pid for state in seen})
        )

    await until(agreed, "one new owner, with everybody attached to its server")
    assert servers(data_dir) == [rest[0].state().pid]


async def test_forked_worker_does_not_keep_a_dead_owners_place(
    start: Start, other: Callable[..., Other], data_dir: Path
) -> None:
    """Owning is not inherited by a fork, or a worker that lives on would block the next owner."""
    owner = other(data_dir, "--fork")
    state = await owner.ready()
    owner.kill()
    try:
        assert alive(state.forked)
        assert (await start()).owner
    finally:
        os.kill(state.forked, signal.SIGKILL)


async def test_server_that_hangs_is_reported_and_never_doubled(
    start: Start, other: Callable[..., Other], data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped orphan still has the file open: no start until it ends or goes on."""
    owner = other(data_dir, "--exec", str(no_parent_death(data_dir)))
    state = await owner.ready()
    os.kill(state.pid, signal.SIGSTOP)
    owner.kill()
    monkeypatch.setattr(embedded_wire, "PATIENCE", 0.1)
    try:
        with pytest.raises(StoreStartError, match=r"a server that does not answer still has .* open"):
            await start()
    finally:
        os.kill(state.pid, signal.SIGCONT)
    assert (await start()).pid == state.pid


async def test_owner_whose_server_does_not_answer_is_waited_for_only_so_long(
    start: Start, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that can neither own nor attach says why."""
    embedded_place.prepare(data_dir)
    lock = embedded_place.Lock.take(data_dir / "owner.lock")
    assert lock is not None
    monkeypatch.setattr(embedded_wire, "PATIENCE", 0.1)
    with pytest.raises(StoreStartError, match=r"the owner of .* has no server that answers"):
        await start()
    lock.release()
