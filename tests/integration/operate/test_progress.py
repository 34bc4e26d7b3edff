"""A bar on a terminal, and nothing where a machine reads."""

import asyncio
import os
import pty
import subprocess

from proxy.reasons import Outcome
from proxy.store.claims import Claims, End
from proxy.store.client import Store
from proxy.store.keys import outbox_keys
from tests.support.delivery import SITE, Scene, link, site_of
from tests.support.operating import Operator


async def test_a_long_command_shows_on_a_terminal_how_far_it_is(operator: Operator, store: Store) -> None:
    """On stderr alone: what is printed can be piped on."""
    async with Scene(store, site_of(link())) as scene:
        await scene.full(*(f"e{number}" for number in range(500)))
        claims = Claims(store, outbox_keys(0, SITE, "vendor"), site=SITE, forwarder="vendor", worker="w")
        await claims.prepare()
        claimed = await claims.new(500, block_ms=None)
        await claims.settle([End(one.id, Outcome.REJECTED, "vendor_rejected", "no") for one in claimed])
        ours, theirs = pty.openpty()
        command = operator.command("dead-letters", "retry", "--all", "--json")
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=theirs)
        out, _ = await process.communicate()
        os.close(theirs)
        shown = await asyncio.to_thread(os.read, ours, 65_536)
        os.close(ours)
        assert process.returncode == 0
        assert b'"retried": 500' in out
        assert b"dead letters to retry" in shown
        assert b"100%" in shown


async def test_elsewhere_nothing_is_shown(operator: Operator, store: Store) -> None:
    """Neither in a pipe nor in a log."""
    async with Scene(store, site_of(link())) as scene:
        await scene.full("e0", to="gone")
        process = await asyncio.create_subprocess_exec(
            *operator.command("outbox", "discard", "shop", "gone"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert (process.returncode, out, err) == (0, b"discarded: 1 pending entry\n", b"")
