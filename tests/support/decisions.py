"""The decision table of the wire tests, written by hand from the published rules. It knows nothing of the code."""

from collections.abc import Mapping
from dataclasses import dataclass

PRESETS = ("consent-mode", "notice-2021", "eea-strict")

# --- the table ------------------------------------------------------------------------------------------------------
# State: what its pings say (gcs, gcd), and what a full Google Analytics event says of ad_user_data and of
# ad_personalization (g granted, d denied).
#
# The letters of gcd, one per signal in the order ad_storage, analytics_storage, ad_user_data, ad_personalization: p
# unanswered, q denied, r granted. Nobody's country is known here, so everybody counts as a visitor in the EEA ("2").
SAYS = """
    unknown                  G100 13p3p3p2p5l1 dd
    denied                   G100 13q3q3q2q5l1 dd
    statistics               G101 13q3r3q2q5l1 dd
    statistics-rest-open     G101 13p3r3p2p5l1 dd
    ads                      G110 13r3q3r2r5l1 gg
    ads-rest-open            G110 13r3p3r2r5l1 gg
    ads-not-personal         G111 13r3r3r2q5l1 gd
    storage-only             G110 13r3q3q2q5l1 dd
    all                      G111 13r3r3r2r5l1 gg
    all-by-the-event         G111 13r3r3r2r5l1 gg
    denied-by-the-event      G100 13q3q3q2q5l1 dd
    gpc                      G100 13p3p3p2p5l1 dd
    gpc-over-a-grant         G101 13q3r3q2q5l1 dd
    gpc-in-the-grant         G111 13r3r3r2r5l1 gg
    expired                  G100 13p3p3p2p5l1 dd
    withdrawn                G100 13q3q3q2q5l1 dd
    refusal-over-a-grant     G100 13q3q3q2q5l1 dd
    unreadable-record        G100 13p3p3p2p5l1 dd
    unreadable-refusal       G100 13p3p3p2p5l1 dd
    two-ids                  G100 13p3p3p2p5l1 dd
"""
# Preset and state: google_analytics, google_ads (for purchases alone), meta, microsoft. F full, C cookieless, - nothing,
# then the reason. One that stands for several is written once.
TABLE = """
consent-mode
    unknown                  C consent_unknown      C consent_unknown      - consent_unknown     - consent_unknown
    denied                   C consent_denied       C consent_denied       - consent_denied      - consent_denied
    statistics               F granted              C consent_denied       - consent_denied      - consent_denied
    statistics-rest-open     F granted              C consent_unknown      - consent_unknown     - consent_unknown
    ads                      C consent_denied       F granted              F granted             F granted
    ads-rest-open            C consent_unknown      F granted              F granted             F granted
    ads-not-personal         F granted              F granted              - consent_denied      - consent_denied
    storage-only             C consent_denied       C consent_denied       - consent_denied      - consent_denied
    all                      F granted              F granted              F granted             F granted
    all-by-the-event         F granted              F granted              F granted             F granted
    denied-by-the-event      C consent_denied       C consent_denied       - consent_denied      - consent_denied
    gpc                      C consent_unknown      C gpc                  - gpc                 - gpc
    gpc-over-a-grant         F granted              C gpc                  - gpc                 - gpc
    gpc-in-the-grant         F granted              F granted              F granted             F granted
    expired                  C consent_expired      C consent_expired      - consent_expired     - consent_expired
    withdrawn                C withdrawn            C withdrawn            - withdrawn           - withdrawn
    refusal-over-a-grant     C consent_denied       C consent_denied       - consent_denied      - consent_denied
    unreadable-record        - consent_unreadable   - consent_unreadable   - consent_unreadable  - consent_unreadable
    unreadable-refusal       - consent_unreadable   - consent_unreadable   - consent_unreadable  - consent_unreadable
    two-ids                  - consent_unreadable   - consent_unreadable   - consent_unreadable  - consent_unreadable
notice-2021
    unknown                  F legitimate_interest  C consent_unknown      - consent_unknown     - consent_unknown
    denied                   C objection            C consent_denied       - consent_denied      - consent_denied
    statistics               F granted              C consent_denied       - consent_denied      - consent_denied
    statistics-rest-open     F granted              C consent_unknown      - consent_unknown     - consent_unknown
    ads                      C objection            F granted              F granted             F granted
    ads-rest-open            F legitimate_interest  F granted              F granted             F granted
    ads-not-personal         F granted              F granted              - consent_denied      - consent_denied
    storage-only             C objection            C consent_denied       - consent_denied      - consent_denied
    all                      F granted              F granted              F granted             F granted
    all-by-the-event         F granted              F granted              F granted             F granted
    denied-by-the-event      C objection            C consent_denied       - consent_denied      - consent_denied
    gpc                      C gpc                  C gpc                  - gpc                 - gpc
    gpc-over-a-grant         F granted              C gpc                  - gpc                 - gpc
    gpc-in-the-grant         F granted              F granted              F granted             F granted
    expired                  F legitimate_interest  C consent_expired      - consent_expired     - consent_expired
    withdrawn                C withdrawn            C withdrawn            - withdrawn           - withdrawn
    refusal-over-a-grant     C objection            C consent_denied       - consent_denied      - consent_denied
    unreadable-record        - consent_unreadable   - consent_unreadable   - consent_unreadable  - consent_unreadable
    unreadable-refusal       - consent_unreadable   - consent_unreadable   - consent_unreadable  - consent_unreadable
    two-ids                  - consent_unreadable   - consent_unreadable   - consent_unreadable  - consent_unreadable
eea-strict
    unknown                  - consent_unknown      - consent_unknown      - consent_unknown     - consent_unknown
    denied                   - consent_denied       - consent_denied       - consent_denied      - consent_denied
    statistics               F granted              - consent_denied       - consent_denied      - consent_denied
    statistics-rest-open     F granted              - consent_unknown      - consent_unknown     - consent_unknown
    ads                      - consent_denied       F granted              F granted             F granted
    ads-rest-open            - consent_unknown      F granted              F granted             F granted
    ads-not-personal         F granted              F granted              - consent_denied      - consent_denied
    storage-only             - consent_denied       - consent_denied       - consent_denied      - consent_denied
    all                      F granted              F granted              F granted             F granted
    all-by-the-event         F granted              F granted              F granted             F granted
    denied-by-the-event      - consent_denied       - consent_denied       - consent_denied      - consent_denied
    gpc                      - consent_unknown      - gpc                  - gpc                 - gpc
    gpc-over-a-grant         F granted              - gpc                  - gpc                 - gpc
    gpc-in-the-grant         F granted              F granted              F granted             F granted
    expired                  - consent_expired      - consent_expired      - consent_expired     - consent_expired
    withdrawn                - withdrawn            - withdrawn            - withdrawn           - withdrawn
    refusal-over-a-grant     - consent_denied       - consent_denied       - consent_denied      - consent_denied
    unreadable-record        - consent_unreadable   - consent_unreadable   - consent_unreadable  - consent_unreadable
    unreadable-refusal       - consent_unreadable   - consent_unreadable   - consent_unreadable  - consent_unreadable
    two-ids                  - consent_unreadable   - consent_unreadable   - consent_unreadable  - consent_unreadable
on-store-failure-cookieless
    unreadable-record        C consent_unreadable   C consent_unreadable   - consent_unreadable  - consent_unreadable
    unreadable-refusal       C consent_unreadable   C consent_unreadable   - consent_unreadable  - consent_unreadable
    two-ids                  C consent_unreadable   C consent_unreadable   - consent_unreadable  - consent_unreadable
"""
FORWARDERS = ("google_analytics", "google_ads", "meta", "microsoft")
EVENTS = ("page_view", "purchase", "purchase-without-id")
MODES = {"F": "full", "C": "cookieless"}


@dataclass(frozen=True)
class Row:
    """A line of the table: for each forwarder its mark and reason."""

    place: str
    state: str
    cells: Mapping[str, tuple[str, str]]


def rows() -> list[Row]:
    """Read the table."""
    found: list[Row] = []
    place = ""
    for line in filter(None, TABLE.splitlines()):
        words = line.split()
        if len(words) == 1:
            place = words[0]
            continue
        cells = {name: (words[1 + 2 * at], words[2 + 2 * at]) for at, name in enumerate(FORWARDERS)}
        found.append(Row(place, words[0], cells))
    return found


ROWS = rows()
SAID = {line.split()[0]: tuple(line.split()[1:]) for line in SAYS.strip().splitlines()}
