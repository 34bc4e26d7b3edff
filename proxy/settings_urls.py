"""URLs of the configuration that reach other servers: store, outbound proxy, the origin that replaces all vendors.

Store and proxy may need a password, so their URLs are never quoted, and may be written ``env:NAME`` or ``file:PATH``.
"""

import re
from typing import Self

from proxy.secret import Secret
from proxy.settings_net import DEFAULT_PORTS, port_of, split_url
from proxy.settings_problems import wrong

_STORES = '"embedded", or a URL that begins with redis://, rediss:// or unix://'


class ServerUrl(str):
    """A URL that may hold a password: a text for whoever connects, without its content in any ``repr``.

    ``literal`` tells that it stands in the file as it is, not behind ``env:`` or ``file:``.
    """

    __slots__ = ("literal",)

    literal: bool

    def __new__(cls, url: str = "", *, literal: bool = False) -> Self:
        """Make one; a password in it is literal unless it was read from elsewhere."""
        made = super().__new__(cls, url)
        made.literal = literal
        return made

    def __repr__(self) -> str:
        return "ServerUrl(***)"

    @property
    def has_password(self) -> bool:
        """Tell whether a password is part of it."""
        parts = split_url(self)
        return parts is not None and bool(parts.password)

    @property
    def host(self) -> str:
        """The host, if it names one."""
        parts = split_url(self)
        return (parts.hostname or "") if parts is not None else ""


def read_store_url(written: object) -> ServerUrl:
    """Read where the store is."""
    url = _revealed(written)
    if url == "embedded":
        return url
    parts = split_url(url)
    if parts is None:
        raise wrong("not a URL", _STORES)
    match parts.scheme:
        case "redis" | "rediss":
            if not parts.hostname or not re.fullmatch(r"/?|/\d{1,3}", parts.path) or port_of(parts) == 0:
                raise wrong(
                    f"not a {parts.scheme}:// URL", f"{parts.scheme}://[USER:PASSWORD@]HOST[:PORT][/DB]"
                )
        case "unix":
            if parts.hostname or len(parts.path) < 2:
                raise wrong("not a unix:// URL", "unix:///PATH/TO/SOCKET[?db=N]")
        case "redis+cluster" | "redis+sentinel":
            raise wrong(f"{parts.scheme}:// is not built yet", _STORES)
        case _:
            raise wrong("not a store", _STORES)
    return url


def read_egress_origin(written: str) -> str:
    """Read the origin that stands in for every vendor; empty: none does."""
    allowed = 'http://HOST[:PORT] or https://HOST[:PORT], without a path; "" for none'
    if written == "":
        return written
    parts = split_url(written)
    if (
        parts is None
        or parts.scheme not in DEFAULT_PORTS
        or not parts.hostname
        or "@" in parts.netloc
        or parts.path not in {"", "/"}
        or parts.query
        or parts.fragment
        or port_of(parts) == 0
    ):
        raise wrong("not an origin", allowed)
    return f"{parts.scheme}://{parts.netloc.lower()}"


def read_proxy_url(written: object) -> ServerUrl:
    """Read where the outbound proxy is; empty: there is none."""
    url = _revealed(written)
    parts = split_url(url) if url else None
    if url and (
        parts is None or parts.scheme not in DEFAULT_PORTS or not parts.hostname or port_of(parts) == 0
    ):
        raise wrong("not a proxy's URL", 'http://[USER:PASSWORD@]HOST:PORT; "" for none')
    return url


def _revealed(written: object) -> ServerUrl:
    """Return a text, or what it refers to if it is written ``env:NAME`` or ``file:PATH``."""
    if isinstance(written, ServerUrl):
        return written
    if not isinstance(written, str):
        raise wrong("not a text", "a text")
    if not written.startswith(("env:", "file:")):
        return ServerUrl(written, literal=True)
    try:
        return ServerUrl(Secret(written).reveal())
    except ValueError as error:
        raise wrong(str(error), "env:NAME or file:PATH of something that is there") from None
