"""What only an operator can mend: it pauses that vendor, keeps its entries, and is said in the vendor's own words."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from proxy.twin.app import RunningTwin
from proxy.twin.faults import Fault
from tests.support.processes import Sayso, config
from tests.support.serving import ADS, SERVE, VENDORS, buy, delivered, metrics, orders
from tests.support.waiting import wait_until

SECRETS = ("secret-of-google-analytics", "secret-of-meta", "secret-of-microsoft", "PRIVATE KEY")


def meta(code: int, message: str, status: int = 400, **more: object) -> Fault:
    """Return an error of Meta's Graph API."""
    error = {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "AbC", **more}
    return Fault(status=status, body={"error": error})


def google(status: int, word: str, message: str) -> Fault:
    """Return an error of a Google API."""
    return Fault(status=status, body={"error": {"code": status, "message": message, "status": word}})


def microsoft(status: int, code: str, message: str) -> Fault:
    """Return an error of Microsoft's Conversions API."""
    return Fault(status=status, body={"error": {"code": code, "message": message}})


@dataclass(frozen=True, slots=True)
class Case:
    """A refusal: by whom, which forwarder it stops, and what ``/readyz`` is to say."""

    twin: str
    forwarder: str
    fault: Fault = field(repr=False)
    words: tuple[str, ...]


CASES = {
    "Meta, a token that is none": Case(
        "meta", "meta", meta(190, "Malformed access token secret-of-meta"), ("190", "Malformed access token")
    ),
    "Meta, a token that has ended": Case(
        "meta",
        "meta",
        meta(190, "Error validating access token: Session has expired", 401, error_subcode=463),
        ("190/463", "Session has expired"),
    ),
    "Meta, a missing permission": Case(
        "meta", "meta", meta(200, "(#200) Provide valid app ID", 403), ("200", "Provide valid app ID")
    ),
    "Meta, a missing permission by another number": Case(
        "meta",
        "meta",
        meta(294, "Managing advertisements requires ads_management"),
        ("294", "ads_management"),
    ),
    "Meta, a version that has ended": Case(
        "meta",
        "meta",
        meta(2635, "(#2635) You are calling a deprecated version of the Ads API."),
        ("2635", "deprecated version"),
    ),
    "Google Ads, a key that was revoked": Case(
        "google_oauth",
        "google_ads",
        Fault(status=400, body={"error": "invalid_grant", "error_description": "Invalid JWT Signature."}),
        ("token: HTTP 400 invalid_grant",),
    ),
    "Google Ads, a client that is unknown": Case(
        "google_oauth", "google_ads", Fault(status=401), ("token: HTTP 401 invalid_client",)
    ),
    "Google Ads, tokens that are refused": Case(
        "google_ads",
        "google_ads",
        google(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
        ("401", "invalid authentication credentials"),
    ),
    "Google Ads, a missing permission": Case(
        "google_ads",
        "google_ads",
        google(403, "PERMISSION_DENIED", "The caller does not have permission"),
        ("403", "does not have permission"),
    ),
    "Microsoft, a token that is refused": Case(
        "microsoft",
        "microsoft",
        microsoft(401, "Unauthorized", "The token secret-of-microsoft is not known."),
        ("401", "Unauthorized", "is not known"),
    ),
    "Microsoft, an account that is not enabled": Case(
        "microsoft",
        "microsoft",
        microsoft(403, "Forbidden", "The tag is not enabled."),
        ("403", "Forbidden"),
    ),
    "Google Analytics, a refusal": Case(
        "google_analytics", "google_analytics", Fault(status=403), ("HTTP 403",)
    ),
}


@dataclass(slots=True)
class Shop:
    """A shop that is served, and its operator."""

    sayso: Sayso
    session: aiohttp.ClientSession
    number: int = 0

    async def buys(self) -> str:
        """Buy something; return the order number."""
        self.number += 1
        order = f"T-{self.number}"
        assert await buy(self.session, self.sayso.urls["public"], order) == 204
        return order

    async def health(self) -> Mapping[str, Any]:
        """Return what ``/readyz`` says."""
        async with self.session.get(f"{self.sayso.urls['admin']}/readyz") as answer:
            assert answer.status == 200
            found: Mapping[str, Any] = await answer.json()
            return found

    async def says(self, *arguments: str) -> str:
        """Run a command beside it; return what it prints."""
        async with Sayso(self.sayso.folder, *arguments, "--config", "sayso.toml", **ADS) as command:
            assert await command.wait() == 0, command.err
            return command.out


@pytest.fixture
async def shop(short_path: Path, twin: RunningTwin, session: aiohttp.ClientSession) -> AsyncIterator[Shop]:
    """Serve a shop with four vendors."""
    config(short_path, twin.url)
    async with Sayso(short_path, *SERVE, **ADS) as sayso:
        await sayso.ready()
        yield Shop(sayso, session)


@pytest.mark.parametrize("forwarder", VENDORS)
async def test_a_refusal_pauses_one_vendor_and_nothing_is_lost(
    shop: Shop, twin: RunningTwin, forwarder: str
) -> None:
    """Yellow, with the vendor's words and no secret in them; the others go on; mended and resumed, it sends what waited."""
    for name, case in CASES.items():
        if case.forwarder != forwarder:
            continue
        twin.twin.expire_tokens()
        twin.twin.fault(case.twin, case.fault)
        order = await shop.buys()
        part = f"shop.{case.forwarder}"
        seen: Mapping[str, Any] = {}

        async def yellow(part: str = part) -> bool:
            nonlocal seen
            seen = await shop.health()
            return str(seen["parts"][part].get("words", "")).startswith("paused")

        await wait_until(yellow, within_s=20, what=f"a pause after: {name}")
        assert seen["status"] == "degraded"
        for word in case.words:
            assert word in seen["parts"][part]["words"], name
        assert not any(secret in str(seen) for secret in SECRETS), name
        others = [one for one in VENDORS if one != case.forwarder]
        await wait_until(
            lambda order=order, others=others: all(order in orders(twin, one) for one in others),  # type: ignore[misc]
            within_s=20,
            what="the other vendors' orders",
        )
        assert order not in orders(twin, case.forwarder), name
        twin.twin.fault(case.twin)
        assert "is resumed" in await shop.says("resume", "shop", case.forwarder)
        await delivered(twin, {order})

        async def green() -> bool:
            return bool((await shop.health())["status"] == "ready")

        await wait_until(green, what=f"readiness after: {name}")
    assert not any(secret in shop.sayso.err for secret in SECRETS)
    found = await metrics(shop.session, shop.sayso.urls["admin"])
    for vendor in VENDORS:
        taken = (
            f'sayso_outcomes_total{{forwarder="{vendor}",outcome="delivered",reason="accepted",site="shop"}}'
        )
        assert found[taken] == shop.number
        assert found[f'sayso_outbox_entries{{forwarder="{vendor}",site="shop"}}'] == 0
        assert len(orders(twin, vendor)) == shop.number, "each order once"


async def test_what_is_mended_goes_on_by_itself(shop: Shop, twin: RunningTwin) -> None:
    """Nobody need resume it; a request now and then finds out."""
    twin.twin.fault("meta", CASES["Meta, a token that is none"].fault)
    order = await shop.buys()

    async def yellow() -> bool:
        return bool((await shop.health())["status"] == "degraded")

    await wait_until(yellow, what="a pause")
    twin.twin.fault("meta")
    await wait_until(lambda: order in orders(twin, "meta"), within_s=40, what="the order that had waited")
    await wait_until(lambda: _is_ready(shop), what="readiness")


async def _is_ready(shop: Shop) -> bool:
    return bool((await shop.health())["status"] == "ready")


async def test_an_operator_pauses_looks_and_resumes(shop: Shop, twin: RunningTwin) -> None:
    """While it serves; a second time what was delivered, as nothing is lost by that either."""
    assert "is paused" in await shop.says("pause", "shop", "meta")

    async def held() -> bool:
        return "paused by an operator" in str((await shop.health())["parts"]["shop.meta"].get("words", ""))

    await wait_until(held, what="an operator's pause")
    order = await shop.buys()
    await wait_until(lambda: order in orders(twin, "microsoft"), within_s=20, what="the other vendors' order")
    assert orders(twin, "meta") == []
    assert "shop meta is paused by the operator" in await shop.says("status")
    assert "is resumed" in await shop.says("resume", "shop", "meta")
    await delivered(twin, {order})
    said = await shop.says("replay", "--since", "1h", "--forwarder", "meta")
    assert said.endswith("sent again: 1 entry pending again\n")
    await wait_until(lambda: orders(twin, "meta") == [order, order], within_s=20, what="the order again")
