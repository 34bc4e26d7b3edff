"""How fast delivery's wheels turn. Defaults for production; tests turn them faster."""

from dataclasses import dataclass, field

from proxy.delivery.backoff import Patience
from proxy.store.claims import SILENCE_MS


@dataclass(frozen=True, slots=True)
class Pace:
    """Times in seconds, but for those in milliseconds by name."""

    heartbeat_s: float = 1.0
    """How often parked entries are looked for; also says that this worker is alive."""
    silence_ms: int = SILENCE_MS
    """After so long without a heartbeat a worker's entries are others' to claim."""
    fresh_s: float = 0.5
    """How old a consent may be when a full request starts. A withdrawal reaches every request after one second."""
    foresight_s: float = 0.2
    """How old a consent may be that was read for others and is used for a request that has got its slot."""
    gather_s: float = 0.005
    """How long what is to be settled waits for more of it."""
    hold_ms: int = 60_000
    """How long an entry is put aside whose consent record cannot be read."""
    sweep_s: float = 60.0
    """How often entries that are too old are looked for while nothing is sent."""
    tidy_s: float = 240.0
    """How often outboxes of forwarders that were removed, and what is kept of ended entries, are looked through."""
    marks_s: float = 10.0
    """How often what waits of visitors who have withdrawn is looked for, though it cannot be sent."""
    marks_ms: int = 3000
    """How old a withdrawal must be for that: until then an event may be on its way whose consent was read before it."""
    asks_s: float = 10.0
    """How often questions to vendors are looked for."""
    orders_s: float = 1.0
    """How often operators' orders are looked for."""
    drain_s: float = 8.0
    """How long requests under way may take to finish when delivery stops."""
    store_s: float = 0.5
    """Between attempts while the store is away."""
    patience: Patience = field(default_factory=Patience)
