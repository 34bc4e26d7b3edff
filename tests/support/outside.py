"""A forwarder that does not come with Sayso, as a stranger would write one; loaded by its dotted path."""

from collections.abc import Sequence
from typing import ClassVar

from forwarders.base import Forwarder, Request
from proxy.event import FullEvent
from proxy.secret import Secret
from proxy.signals import Signal


class Outside(Forwarder):
    """One account at a vendor that presets do not know."""

    account: str
    key: Secret

    title: ClassVar[str] = "Outside"
    needs: ClassVar[tuple[Signal, ...]] = (Signal.AD_STORAGE,)
    has_cookieless: ClassVar[bool] = True
    hosts: ClassVar[frozenset[str]] = frozenset({"outside.example"})

    def full(self, events: Sequence[FullEvent]) -> Request:
        """Send how many there are."""
        return Request("POST", "https://outside.example/events", body={"count": len(events)})
