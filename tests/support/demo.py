"""What the tests of the demo share: a visitor of its shop without a browser, and a way to wait."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import aiohttp

from proxy.demo.run import Demo

SIGNALS = ("analytics_storage", "ad_storage", "ad_user_data", "ad_personalization")
PATHS = {"consent-mode": "/", "notice-2021": "/notice-2021/", "eea-strict": "/eea-strict/"}
YES, NO = "granted", "denied"


async def until(condition: Callable[[], bool], within: float = 10.0) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - several sources change it
            await asyncio.sleep(0.02)


class Visitor:
    """A browser's part: keeps cookies, says where it comes from, and reads the feed."""

    def __init__(self, demo: Demo, session: aiohttp.ClientSession, preset: str = "consent-mode") -> None:
        self.demo = demo
        self.session = session
        self.preset = preset
        self.shop = demo.urls["shop"]
        self._base = demo.urls["public"] + PATHS[preset]
        self._event_id = ""

    async def choose(self, *values: str) -> None:
        state = dict(zip(SIGNALS, values, strict=True))
        async with self.session.post(
            f"{self._base}consent", json=state, headers={"Origin": self.shop}
        ) as answer:
            assert answer.status == 204

    async def withdraw(self) -> None:
        async with self.session.delete(f"{self._base}consent", headers={"Origin": self.shop}) as answer:
            assert answer.status == 204
        note = {"note": "withdraw", "site": self.preset}
        async with self.session.post(
            f"{self.shop}/notes", json=note, headers={"Origin": self.shop}
        ) as answer:
            assert answer.status == 204

    async def buy(self) -> None:
        self._event_id = str(uuid4())
        event = {
            "name": "purchase",
            "event_id": self._event_id,
            "page": {"url": f"{self.shop}/thanks?gclid=Cj0abc&fbclid=IwARabc&msclkid={'a' * 32}"},
            "params": {"value": 499, "currency": "NOK", "transaction_id": "U-1"},
            "user_data": {"email": "kari.nordmann@example.com"},
        }
        async with self.session.post(
            f"{self._base}collect", json=event, headers={"Origin": self.shop}
        ) as answer:
            assert answer.status == 204

    def rows(self) -> dict[str, dict[str, Any]]:
        """Return the rows of this visitor's last event, by forwarder."""
        (card,) = [card for card in self.demo.feed.since(0) if card.event_id == self._event_id]
        return {name: row.view() for name, row in card.rows.items()}

    def settled(self) -> bool:
        """Tell whether each vendor has this visitor's last event that may."""
        return all(row["state"] in {"accepted", "none"} for row in self.rows().values())

    def state(self, forwarder: str) -> str:
        return str(self.rows()[forwarder]["state"])
