"""What can be wrong with a store: the errors of this package, and words for what a server or a socket says."""

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
)
from redis.exceptions import ConnectionError as GoneError

# What redis-py raises when the server is gone. AttributeError and TypeError come from writes to a transport that the
# peer has closed (redis-py issue 4287); TimeoutError is asyncio's own.
GONE = (RedisError, OSError, TimeoutError, AttributeError, TypeError)


class StoreUnavailableError(Exception):
    """The store cannot answer or cannot take writes now. Nothing may be acknowledged.

    ``retry_s`` says after how many seconds it is worth trying again.
    """

    retry_s = 2


class StoreFullError(StoreUnavailableError):
    """The store has reached the bound of its memory. Delivery makes room; no client is better off for hurrying."""

    retry_s = 15


class OutboxFullError(StoreUnavailableError):
    """An outbox has reached its bound, and the configuration says to refuse what it cannot hold."""

    retry_s = 30


# redis-py takes the first word off the errors that it knows.
_CODES: dict[type[RedisError], str] = {
    AuthenticationError: "NOAUTH",
    BusyLoadingError: "LOADING",
    NoPermissionError: "NOPERM",
    OutOfMemoryError: "OOM",
    ReadOnlyError: "READONLY",
}
_IN_WORDS = {
    "OOM": "it has reached the bound of its memory",
    "READONLY": "it is a replica, which takes no writes",
    "MISCONF": "it cannot write to its disk",
    "NOREPLICAS": "it has too few replicas to take writes",
    "LOADING": "it is still reading its files",
    "BUSY": "another script keeps it busy",
    "NOAUTH": "it wants a password",
    "WRONGPASS": "it refuses the password",
    "NOPERM": "its user may not do that",
    "MAXCLIENTS": "it has no connection left to give",
    "MASTERDOWN": "it is a replica without its primary",
    "CLUSTERDOWN": "its cluster is down",
    "WRONGTYPE": "a key of ours has another type",
    "NOGROUP": "an outbox has lost its group",
    "ConnectionRefusedError": "nobody listens there",
    "FileNotFoundError": "nobody listens there",
    "ConnectionError": "the connection is gone",
    "ConnectionResetError": "the connection is gone",
    "TimeoutError": "it does not answer in time",
    "gaierror": "its host name is not known",
}


def code_of(error: BaseException) -> str:
    """Name an error without its text, which may quote keys and with them a visitor's id."""
    if isinstance(error, GoneError) and isinstance(error.__context__, OSError):
        error = error.__context__  # redis-py says "ConnectionError" to every way in which there is none
    known = _CODES.get(type(error)) if isinstance(error, RedisError) else None
    if known is not None:
        return known
    text = str(error)
    if text.removeprefix("ERR ").startswith("max number of clients"):
        return "MAXCLIENTS"
    first = text.split(" ", 1)[0] if text else ""
    return first if first.isupper() and first.isascii() and len(first) < 24 else type(error).__name__


def in_words(code: str) -> str:
    """Say in words what ``code_of`` returned, with the code itself behind it."""
    words = _IN_WORDS.get(code)
    return code if words is None else f"{words} ({code})"


def unavailable(code: str, what: str = "") -> StoreUnavailableError:
    """Make the error to raise for a code; ``what`` was being done."""
    said = f"{what}: {in_words(code)}" if what else in_words(code)
    return StoreFullError(said) if code == "OOM" else StoreUnavailableError(said)
