"""Every public request is counted once, by what it asked for and how it was answered."""

from proxy.metrics import HTTP_REQUESTS
from tests.support.rig import Rig


def counts() -> dict[tuple[str, str], float]:
    """Return what is counted, by route and class of status."""
    return {
        (sample.labels["route"], sample.labels["status"]): sample.value
        for family in HTTP_REQUESTS.collect()
        for sample in family.samples
        if sample.name == "sayso_requests_total" and sample.value
    }


async def test_each_request_is_counted_once_by_route_and_status(rig: Rig) -> None:
    """A path that is not there, and a method that a route does not take, have a name of their own."""
    rig.parts.requests.hand_over()
    HTTP_REQUESTS.clear()
    visitor = rig.browser()
    await visitor.collect({"name": "page_view"})
    await visitor.collect({"name": ""})
    await visitor.get("/collect?en=page_view")
    await visitor.get("/consent")
    await visitor.get("/sayso.js")
    await visitor.get("/.well-known/gpc.json")
    await visitor.get("/nowhere")
    await visitor.get("/nowhere?e=ola@example.com")
    await visitor.request("PUT", "/collect")
    await visitor.collect({"name": "page_view"}, {"Origin": "https://evil.example"})
    rig.parts.requests.hand_over()
    assert counts() == {
        ("collect", "2xx"): 1,
        ("collect", "4xx"): 2,
        ("pixel", "2xx"): 1,
        ("consent", "2xx"): 1,
        ("loader", "2xx"): 1,
        ("gpc", "2xx"): 1,
        ("none", "4xx"): 3,
    }


async def test_a_store_that_is_away_shows_as_a_server_s_fault(rig: Rig) -> None:
    """That is what the objective of availability is about."""
    rig.parts.requests.hand_over()
    HTTP_REQUESTS.clear()
    rig.store.patience_s = 0.05
    await rig.store.redis.client_pause(400)
    answer = await rig.browser().collect({"name": "page_view"})
    assert answer.status == 503
    rig.parts.requests.hand_over()
    assert counts() == {("collect", "5xx"): 1}
