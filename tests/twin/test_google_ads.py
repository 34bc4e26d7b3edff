"""Google Ads' pings in the twin."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from proxy.twin.app import RunningTwin

Send = Callable[..., Awaitable[tuple[int, Any, dict[str, str]]]]

CONSENT = "gcs=G100&gcd=13q3q3q2q5l1&npa=1&pscdl=denied"


@pytest.mark.parametrize(
    "target",
    [
        f"/pagead2.googlesyndication.com/pagead/conversion/123456789/?label=AbC-D_efG&en=conversion&{CONSENT}",
        f"/pagead2.googlesyndication.com/ccm/collect?en=page_view&tid=AW-123456789&{CONSENT}",
        "/www.googleadservices.com/pagead/conversion/123456789/?label=AbC&en=purchase&value=9.5&currency_code=EUR",
        "/www.googleadservices.com/ccm/conversion/123456789/?label=AbC",
        "/googleads.g.doubleclick.net/pagead/viewthroughconversion/123456789/?label=AbC",
        "/www.google.com/pagead/1p-conversion/123456789/?label=AbC",
    ],
)
async def test_pings_get_an_image(send: Send, running: RunningTwin, target: str) -> None:
    """Conversion and page pings, on the cookieless host and on the others."""
    status, body, headers = await send("GET", target)
    assert (status, headers["Content-Type"]) == (200, "image/gif")
    assert body.startswith(b"GIF89a")
    (recorded,) = running.twin.requests()
    assert (recorded.vendor, recorded.accepted, recorded.errors) == ("google_ads", 1, ())


async def test_a_cookieless_ping_must_state_its_consent(send: Send, running: RunningTwin) -> None:
    """Google answers 200 all the same; the record tells."""
    status, _, _ = await send("GET", "/pagead2.googlesyndication.com/pagead/conversion/1/?label=A&gcs=G100")
    (recorded,) = running.twin.requests()
    assert (status, recorded.errors, recorded.accepted) == (200, ("VALUE_REQUIRED gcd",), 0)


async def test_the_order_id_is_the_dedupe_key(send: Send, running: RunningTwin) -> None:
    """A ping without order id is never a duplicate."""
    for order in ("T-1", "T-1", "T-2"):
        await send(
            "GET", f"/pagead2.googlesyndication.com/pagead/conversion/1/?label=A&{CONSENT}&oid={order}"
        )
    await send("GET", f"/pagead2.googlesyndication.com/pagead/conversion/1/?label=A&{CONSENT}")
    tally = running.twin.tally("google_ads")
    assert (tally.accepted, tally.duplicates) == (4, 1)


async def test_other_paths_of_these_hosts_are_unknown(send: Send, running: RunningTwin) -> None:
    """The hosts serve much else that is not ours."""
    status, _, _ = await send("GET", "/www.google.com/search?q=x")
    assert status == 404
    assert [item.vendor for item in running.twin.requests()] == ["unknown"]
