"""What a store promises, asked of the store itself: whether a 204 will outlive a crash, a power cut, a full memory.

``assess`` asks; ``findings`` judges what was answered, and is pure. A managed service may forbid ``CONFIG``; what cannot
be checked is said to be so.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from redis.exceptions import ResponseError

from proxy.store.client import Store
from proxy.store.keys import PREFIX
from proxy.store.trouble import GONE, StoreUnavailableError, code_of, in_words

_OLDEST = (7, 0)
"""Scripts declare in their first line what they may do, which Redis understands since 7.0."""
_CLOCKS_S = 5.0
_HEADROOM = 0.85
_WITHIN_S = 0.6
_SETTINGS = (
    "appendfsync",
    "no-appendfsync-on-rewrite",
    "save",
    "maxmemory-policy",
    "stream-node-max-entries",
)
_PROBE = PREFIX + "probe"

Severity = Literal["broken", "weak", "note"]
"""``broken``: no event can be taken. ``weak``: what was acknowledged may be lost. ``note``: as it was configured."""
Durability = Literal["always", "everysec"]


class Weakness(StrEnum):
    """Everything that can be wrong with a store."""

    TOO_OLD = "too_old"
    LOADING = "loading"
    READ_ONLY = "read_only"
    NO_PERSISTENCE = "no_persistence"
    SNAPSHOTS_ONLY = "snapshots_only"
    NEVER_SYNCED = "never_synced"
    SYNCED_EACH_SECOND = "synced_each_second"
    SYNC_PAUSES = "sync_pauses"
    UNKNOWN_SYNC = "unknown_sync"
    LOG_WRITE_FAILED = "log_write_failed"
    REWRITE_FAILED = "rewrite_failed"
    SNAPSHOT_FAILED = "snapshot_failed"
    EVICTS = "evicts"
    NEARLY_FULL = "nearly_full"
    FULL = "full"
    REPLICAS_LAG = "replicas_lag"
    ERASED_STAYS = "erased_stays"
    CLOCKS_DIFFER = "clocks_differ"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: in words, and what to do about it."""

    weakness: Weakness
    severity: Severity
    words: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Answers:
    """What a store said. ``config`` is None where it may not be asked. ``ahead_s`` is how far its clock is before ours."""

    info: Mapping[str, Any]
    config: Mapping[str, str] | None
    ahead_s: float


async def takes_writes(store: Store) -> str:
    """Write a little; return "" if that works within a second, else in words why not."""
    try:
        async with asyncio.timeout(_WITHIN_S):
            await store.redis.set(_PROBE, 1, ex=60)
    except GONE as error:
        return in_words(code_of(error))
    return ""


async def assess(store: Store, expected: Durability) -> list[Finding]:
    """Ask a store how it is, and judge it.

    Args:
        store: a store that answers.
        expected: what the configuration says that a 204 is to mean.

    Raises:
        StoreUnavailableError: it does not answer.
    """
    try:
        async with asyncio.timeout(store.patience_s):
            answers = await _ask(store)
    except ResponseError as error:
        if (code := code_of(error)) != "NOPERM":
            raise StoreUnavailableError(in_words(code)) from None
        return [
            Finding(
                Weakness.UNCHECKED,
                "note",
                "its user may not ask INFO, so nothing about its durability could be checked",
                "allow that user INFO, or see docs/durability.md for what to check by hand",
            )
        ]
    except GONE as error:
        raise StoreUnavailableError(in_words(code_of(error))) from None
    return findings(answers, expected)


async def _ask(store: Store) -> Answers:
    redis = store.redis
    info: dict[str, Any] = await redis.info()
    began = time.time()
    seconds, micros = await redis.time()
    ahead_s = seconds + micros / 1e6 - (began + time.time()) / 2
    try:
        said = await redis.config_get(*_SETTINGS)
        config: dict[str, str] | None = {str(name): str(value) for name, value in said.items()}
    except ResponseError:  # not allowed, or renamed, as managed services do
        config = None
    return Answers(info, config, ahead_s)


def findings(answers: Answers, expected: Durability) -> list[Finding]:
    """Judge what a store said, worst first."""
    found = [
        *_service(answers),
        *_persistence(answers, expected),
        *_failures(answers.info),
        *_memory(answers),
        *_surroundings(answers),
    ]
    return sorted(found, key=lambda one: ("broken", "weak", "note").index(one.severity))


def _service(answers: Answers) -> list[Finding]:
    info = answers.info
    found: list[Finding] = []
    version = str(info.get("redis_version", ""))
    if version and _numbers(version) < _OLDEST:
        words = f"its version, {version}, is too old for our scripts"
        found.append(Finding(Weakness.TOO_OLD, "broken", words, "Redis 7.0 or any Valkey"))
    if info.get("loading") == 1:
        found.append(Finding(Weakness.LOADING, "broken", "it is still reading its files", "wait"))
    if info.get("role") == "slave":
        words = "it is a replica: it takes no writes, and consent that is read from it may be old"
        found.append(Finding(Weakness.READ_ONLY, "broken", words, "[store] url of the primary"))
    return found


def _persistence(answers: Answers, expected: Durability) -> list[Finding]:
    info, config = answers.info, answers.config
    if info.get("aof_enabled") == 0:
        remedy = "appendonly yes and appendfsync always"
        if config is not None and not config.get("save"):
            words = "it keeps nothing on disk: every event and consent is lost when it stops"
            return [Finding(Weakness.NO_PERSISTENCE, "weak", words, remedy)]
        words = "it has no append-only log, at best snapshots: all since the last one is lost when it crashes"
        return [Finding(Weakness.SNAPSHOTS_ONLY, "weak", words, remedy)]
    if "aof_enabled" not in info:
        words = "it does not say whether it keeps an append-only log"
        return [Finding(Weakness.UNKNOWN_SYNC, "note", words, "ask whoever runs it: docs/durability.md")]
    if config is None:
        words = "it does not say when its append-only log is synced (CONFIG is not allowed)"
        return [Finding(Weakness.UNKNOWN_SYNC, "note", words, "ask whoever runs it: docs/durability.md")]
    found: list[Finding] = []
    match config.get("appendfsync"):
        case "no":
            words = (
                "it leaves syncing to the system: a power cut loses half a minute of what was acknowledged"
            )
            found.append(Finding(Weakness.NEVER_SYNCED, "weak", words, "appendfsync always"))
        case "everysec":
            words = "it syncs once a second: a power cut, and on a busy disk a crash, loses up to two seconds of what was taken"
            severity: Severity = "note" if expected == "everysec" else "weak"
            remedy = 'appendfsync always; or accept it with [store] durability = "everysec"'
            found.append(Finding(Weakness.SYNCED_EACH_SECOND, severity, words, remedy))
        case _:  # always
            pass
    if config.get("no-appendfsync-on-rewrite") == "yes":
        words = (
            "it does not sync while it rewrites its log: a power cut then loses what was acknowledged since"
        )
        found.append(Finding(Weakness.SYNC_PAUSES, "weak", words, "no-appendfsync-on-rewrite no"))
    return found


def _failures(info: Mapping[str, Any]) -> list[Finding]:
    found: list[Finding] = []
    disk = "look at its disk (full? failing?) and its log"
    if info.get("aof_last_write_status", "ok") != "ok":
        words = "the last write to its append-only log failed: it refuses writes until one succeeds"
        found.append(Finding(Weakness.LOG_WRITE_FAILED, "broken", words, disk))
    if info.get("aof_last_bgrewrite_status", "ok") != "ok":
        words = "the last rewrite of its append-only log failed: the file grows, with what was long deleted"
        found.append(Finding(Weakness.REWRITE_FAILED, "weak", words, disk))
    if info.get("rdb_last_bgsave_status", "ok") != "ok":
        words = "its last snapshot failed: it may refuse writes (stop-writes-on-bgsave-error)"
        found.append(Finding(Weakness.SNAPSHOT_FAILED, "weak", words, disk))
    return found


def _memory(answers: Answers) -> list[Finding]:
    info, config = answers.info, answers.config or {}
    found: list[Finding] = []
    bound, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
    policy = str(info.get("maxmemory_policy", config.get("maxmemory-policy", "noeviction")))
    if policy != "noeviction":
        # Volatile ones too: consent records and the marks of what was seen have an expiry.
        now = "" if bound else "; only its missing maxmemory keeps it from that"
        words = f"its maxmemory-policy is {policy}: it makes room by forgetting consents and events{now}"
        found.append(Finding(Weakness.EVICTS, "weak", words, "maxmemory-policy noeviction"))
    remedy = (
        "a higher maxmemory ([store] max_memory if it is ours); see whether a forwarder is paused or failing"
    )
    if bound and used >= bound:
        words = f"its memory is full ({_megabytes(used)} of {_megabytes(bound)}): new events are refused"
        found.append(Finding(Weakness.FULL, "broken", words, remedy))
    elif bound and used > bound * _HEADROOM:
        words = f"its memory is nearly full: {_megabytes(used)} of {_megabytes(bound)}"
        found.append(Finding(Weakness.NEARLY_FULL, "weak", words, remedy))
    return found


def _surroundings(answers: Answers) -> list[Finding]:
    info = answers.info
    found: list[Finding] = []
    replicas = int(info.get("connected_slaves", 0))
    if replicas and info.get("role") == "master":
        words = f"it has replicas ({replicas}), which follow a moment later: a failover loses what they had not got"
        remedy = "nothing, if nothing fails over by itself; see docs/durability.md"
        found.append(Finding(Weakness.REPLICAS_LAG, "note", words, remedy))
    if (answers.config or {}).get("stream-node-max-entries", "1") != "1":
        words = "what is erased from an outbox stays in its memory and log until its neighbours are gone too"
        found.append(Finding(Weakness.ERASED_STAYS, "note", words, "stream-node-max-entries 1"))
    if abs(answers.ahead_s) > _CLOCKS_S:
        where = "before" if answers.ahead_s > 0 else "behind"
        words = f"its clock is {abs(answers.ahead_s):.0f} s {where} this machine's"
        found.append(Finding(Weakness.CLOCKS_DIFFER, "weak", words, "let both follow a time server"))
    return found


def _numbers(version: str) -> tuple[int, int]:
    first, _, rest = version.partition(".")
    second = rest.partition(".")[0]
    return (int(first) if first.isdigit() else 0, int(second) if second.isdigit() else 0)


def _megabytes(size: int) -> str:
    return f"{size / (1 << 20):.0f} MB"
