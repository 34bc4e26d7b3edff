"""A gathered histogram reads as if each observation had been made at once."""

from prometheus_client import CollectorRegistry, Histogram, generate_latest

from proxy.observe import Gathered

BOUNDS = (0.001, 0.01, 0.1)
SEEN = (0.0005, 0.001, 0.0011, 0.05, 0.1, 7.0)


async def test_what_was_gathered_reads_as_if_observed_one_by_one() -> None:
    """Buckets, sum and count are those that the library itself would have made."""
    plain, gathered = CollectorRegistry(), CollectorRegistry()
    one_by_one = Histogram("h", "help", buckets=BOUNDS, registry=plain)
    together = Gathered(Histogram("h", "help", buckets=BOUNDS, registry=gathered), BOUNDS)
    for seconds in SEEN:
        one_by_one.observe(seconds)
        together.observe(seconds)
    together.hand_over()

    def shown(registry: CollectorRegistry) -> list[bytes]:
        return [line for line in generate_latest(registry).splitlines() if b"_created" not in line]

    assert shown(gathered) == shown(plain)
