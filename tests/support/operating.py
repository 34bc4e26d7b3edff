"""An operator at a terminal: runs ``sayso`` commands on a store that tests have filled."""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from proxy.cli import main

SHOP = """
[sites.shop]
hosts = ["shop.example"]
origins = ["https://shop.example"]
[sites.shop.policy]
preset = "consent-mode"
[sites.shop.forwarders.vendor]
type = "meta"
dataset_id = "1234567890"
access_token = "a-meta-token"
[sites.shop.forwarders.other]
type = "meta"
dataset_id = "1234567891"
access_token = "a-meta-token"
[sites.outlet]
hosts = ["outlet.example"]
"""


class Operator:
    """Someone with a configuration of the sites ``shop`` (forwarders ``vendor`` and ``other``) and ``outlet``.

    Args:
        folder: where the configuration is written.
        url: the store's; absent: the embedded one in ``folder / "data"``.
        store: further keys of ``[store]``.
        delivery: keys of ``[delivery]``.
    """

    def __init__(self, folder: Path, url: str = "embedded", store: str = "", delivery: str = "") -> None:
        self.config = folder / "sayso.toml"
        lines = ["[server]", f'data_dir = "{folder / "data"}"', "[store]", f'url = "{url}"', store]
        lines += ["[delivery]", delivery, SHOP]
        self.config.write_text("\n".join(lines), encoding="utf-8")

    async def run(self, *arguments: str) -> Result:
        """Run a command; anything that it raises fails the test."""
        environment = {"SAYSO_CONFIG": str(self.config)}
        runner = CliRunner(env=environment)
        return await asyncio.to_thread(runner.invoke, main, arguments, catch_exceptions=False)

    def command(self, *arguments: str) -> list[str]:
        """Return what starts a command in a process of its own."""
        return [sys.executable, "-m", "proxy.cli", *arguments, "--config", str(self.config)]

    async def says(self, *arguments: str) -> str:
        """Run a command that succeeds; return what it prints."""
        result = await self.run(*arguments)
        assert result.exit_code == 0, result.output
        assert result.stderr == ""
        return result.stdout

    async def tells(self, *arguments: str) -> Any:
        """Run a command that succeeds, with ``--json``."""
        return json.loads(await self.says(*arguments, "--json"))

    async def refused(self, *arguments: str, status: int = 2) -> str:
        """Run a command that fails; return its one line."""
        result = await self.run(*arguments)
        assert result.exit_code == status, result.output
        assert result.stdout == ""
        (line,) = result.stderr.splitlines()
        assert line.startswith("sayso: ")
        return line

    async def row(self, forwarder: str = "vendor", site: str = "shop") -> Mapping[str, Any]:
        """Return what ``sayso status`` says of a forwarder."""
        body = await self.tells("status")
        (row,) = [one for one in body["forwarders"] if (one["site"], one["forwarder"]) == (site, forwarder)]
        found: Mapping[str, Any] = row
        return found
