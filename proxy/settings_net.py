"""Addresses, hosts, origins, paths and networks of the configuration: one reader each. Pure.

A reader takes what the TOML says and returns the one form that the rest of Sayso compares, or raises what is wrong and
what is allowed.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from proxy.settings_problems import shown, wrong

_LISTEN = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253})):(\d{1,5})", re.ASCII)
_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*", re.ASCII)
_NUMERIC_HOST = re.compile(r"[0-9.]+", re.ASCII)
_BASE_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)*/?", re.ASCII)
DEFAULT_PORTS = {"http": 80, "https": 443}


# --- addresses ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. ``host`` has no brackets; ``port`` 0 means any free one."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Tell whether only this machine can reach it."""
        return is_loopback(self.host)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def is_loopback(host: str) -> bool:
    """Tell whether a host, with or without brackets, is this machine itself: localhost, 127.0.0.0/8, ::1."""
    host = host.strip("[]").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def read_address(written: object) -> Address:
    """Read ``HOST:PORT``; an IPv6 address stands in brackets."""
    if isinstance(written, Address):
        return written
    allowed = "HOST:PORT, such as 127.0.0.1:8080, [::1]:8080 or 0.0.0.0:8080; port 0 is a free one"
    match = _LISTEN.fullmatch(written) if isinstance(written, str) else None
    if match is None:
        raise wrong("not an address to listen on", allowed)
    v6, name, port = match.groups()
    if int(port) > 65535:
        raise wrong("no such port", "0 to 65535")
    try:
        if v6 is not None:
            return Address(str(IPv6Address(v6)), int(port))
        if _NUMERIC_HOST.fullmatch(name):
            return Address(str(ip_address(name)), int(port))
    except ValueError:
        raise wrong("not an IP address", allowed) from None
    return Address(name.lower(), int(port))


def read_host(written: str) -> str:
    """Read a name from a ``Host`` header (or ``*``): lower case, punycode, no port, IPv6 in brackets."""
    host = written if written == "*" else _normal_host(written)
    if host is None:
        raise wrong(
            f"{shown(written)} is not a host name",
            'a name such as "shop.example", without scheme, port and path; "*" for any',
        )
    return host


def _normal_host(written: str) -> str | None:
    host = _ascii(written.removesuffix(".").lower())
    if ":" in host or host.startswith("["):
        try:
            return f"[{IPv6Address(host.removeprefix('[').removesuffix(']'))}]"
        except ValueError:
            return None
    return host if _HOST.fullmatch(host) else None


def read_origin(written: str) -> str:
    """Read an origin as browsers write it: lower case, punycode, no default port, no slash at the end."""
    allowed = "scheme://host or scheme://host:port, such as https://shop.example"
    if written in {"null", "*"}:
        raise wrong(f'"{written}" would let every page in', allowed)
    parts = split_url(written)
    if parts is None or parts.scheme not in DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        raise wrong(f"{shown(written)} is not an origin", allowed)
    if parts.path not in {"", "/"} or "?" in written or "#" in written:
        raise wrong(f"{shown(written)}: an origin has no path", allowed)
    host = _normal_host(parts.hostname)
    port = port_of(parts)
    if host is None:
        raise wrong(f"{shown(written)} is not an origin", allowed)
    if port == 0:
        raise wrong(f"{shown(written)}: no such port", allowed)
    shown_port = "" if port in {None, DEFAULT_PORTS[parts.scheme]} else f":{port}"
    return f"{parts.scheme}://{host}{shown_port}"


def origin_host(origin: str) -> str:
    """Return the host of what ``read_origin`` returned, without its port."""
    host = origin.partition("://")[2]
    return host[: host.index("]") + 1] if host.startswith("[") else host.partition(":")[0]


def read_base_path(written: str) -> str:
    """Read the path under which a site is served; it comes out with a slash at both ends."""
    parts = written.split("/")
    if not written.startswith("/") or not _BASE_PATH.fullmatch(written) or "." in parts or ".." in parts:
        raise wrong(
            f"{shown(written)} is not a path", 'a path that begins with "/", such as "/" or "/sayso/"'
        )
    return written if written.endswith("/") else f"{written}/"


def read_network(written: object) -> IPv4Network | IPv6Network:
    """Read a CIDR; a bare address is itself alone."""
    if isinstance(written, (IPv4Network, IPv6Network)):
        return written
    allowed = "a CIDR such as 10.0.0.0/8, 127.0.0.1/32 or 2001:db8::/32"
    if not isinstance(written, str):
        raise wrong("not a text", allowed)
    try:
        loose = ip_network(written, strict=False)
    except ValueError:
        raise wrong(f"{shown(written)} is not a network", allowed) from None
    try:
        return ip_network(written)
    except ValueError:
        raise wrong(f"{shown(written)} is an address within a network", f"{loose}") from None


# --- helpers ----------------------------------------------------------------------------------------------------


def split_url(url: str) -> SplitResult | None:
    """Split a URL; None if it is none at all."""
    if not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts


def port_of(parts: SplitResult) -> int | None:
    """Return a URL's port: None if it has none, 0 if it is not one."""
    try:
        return parts.port
    except ValueError:
        return 0


def _ascii(host: str) -> str:
    """Return a host name as it goes over the wire; what cannot be encoded comes back as it is, and is refused later."""
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host
