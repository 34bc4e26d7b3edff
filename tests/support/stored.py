"""Everything that a Redis holds, as bytes to be searched."""

from typing import Any

from redis import Redis

from tests.support.own_valkey import Valkey


def everything(server: Valkey) -> bytes:
    """Return the names and values of all keys: by each type's own command, and as the server would dump them."""
    with Redis(unix_socket_path=str(server.socket)) as redis:
        return dump(redis)


def dump(redis: "Redis") -> bytes:
    """Return the names and values of all keys of a connection's server."""
    redis.config_set("rdbcompression", "no")  # what is compressed could not be searched
    parts: list[bytes] = []
    for key in redis.scan_iter(count=1000):
        parts.append(key)
        kind: Any = redis.type(key)
        if kind == b"none":  # gone since it was named
            continue
        for command in _READ[kind.decode()]:
            answer: Any = redis.execute_command(*command[:1], key, *command[1:])  # type: ignore[no-untyped-call]  # redis-py's
            parts += _flat(answer)
        raw: Any = redis.dump(key)
        parts.append(raw or b"")
    return b"\n".join(parts)


_READ: dict[str, tuple[tuple[str, ...], ...]] = {
    "string": (("GET",),),
    "hash": (("HGETALL",),),
    "list": (("LRANGE", "0", "-1"),),
    "set": (("SMEMBERS",),),
    "zset": (("ZRANGE", "0", "-1", "WITHSCORES"),),
    "stream": (("XRANGE", "-", "+"),),
}


def _flat(value: Any) -> list[bytes]:
    match value:
        case bytes():
            return [value]
        case dict():
            return [part for pair in value.items() for each in pair for part in _flat(each)]
        case list() | tuple() | set():
            return [part for each in value for part in _flat(each)]
        case _:
            return [str(value).encode()]
