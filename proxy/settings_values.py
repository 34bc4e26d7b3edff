"""The types of the configuration's keys: names, paths, and those of ``proxy.settings_net``, as the models use them."""

import os
import re
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationInfo,
)
from pydantic.json_schema import WithJsonSchema

from proxy.secret import Secret
from proxy.settings_net import (
    Address,
    read_address,
    read_base_path,
    read_host,
    read_network,
    read_origin,
)
from proxy.settings_problems import shown, wrong
from proxy.settings_urls import ServerUrl, read_egress_origin, read_proxy_url, read_store_url

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
# As proxy.parse takes them, and no others.
_EVENT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}", re.ASCII)
_PARAM_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,39}", re.ASCII)
# RFC 6265: a cookie's name is a token.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}", re.ASCII)

_ROUTE_NAME = re.compile(r"[A-Za-z0-9_-](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?", re.ASCII)


class Table(BaseModel):
    """A table of the file: unknown keys are errors, no value is converted, none is echoed."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )


# --- names --------------------------------------------------------------------------------------------------------


def read_name(written: str) -> str:
    """Check the name of a site or of a forwarder's stanza: it becomes a label and part of store keys."""
    if not _NAME.fullmatch(written):
        raise wrong("not a name", "letters, digits, dot, _ and -, at most 64, a letter or digit first")
    return written


def read_event_name(written: str) -> str:
    """Check the name of an event."""
    if not _EVENT_NAME.fullmatch(written):
        raise wrong(
            f"{shown(written)} is not an event's name", "a letter, then letters, digits and _, at most 40"
        )
    return written


def read_param_name(written: str) -> str:
    """Check the name of a free parameter."""
    if not _PARAM_NAME.fullmatch(written):
        raise wrong(f"{shown(written)} is not a parameter's name", "letters, digits, _, . and -, at most 40")
    return written


def read_cookie_name(written: str) -> str:
    """Check the name of the id cookie."""
    if not _TOKEN.fullmatch(written):
        raise wrong("not a cookie's name", "letters, digits and !#$%&'*+-.^_`|~, at most 64")
    if written == "_sayso_consent":
        raise wrong("this is the cookie that remembers refusals", "any other name")
    return written


def read_route_name(written: str) -> str:
    """Check the name of a route beside ours: it is the last part of a path."""
    if not _ROUTE_NAME.fullmatch(written):
        raise wrong(
            f"{shown(written)} is not the name of a route",
            "one part of a path: letters, digits, _, - and dots within, at most 64",
        )
    return written


def read_script_name(written: str) -> str:
    """Check the file name of the loader."""
    if not _ROUTE_NAME.fullmatch(written) or not written.endswith(".js"):
        raise wrong(
            f"{shown(written)} is not the name of a script",
            'letters, digits, _, - and dots within, at most 64, with .js at the end, such as "sayso.js"',
        )
    return written


# --- paths and the types that the models use ------------------------------------------------------------------------


def _folder_path(written: object, info: ValidationInfo) -> Path:
    """Read a path; a relative one starts at the configuration file's folder, whoever runs Sayso from wherever."""
    if not isinstance(written, (str, Path)) or not str(written).strip():
        raise wrong("not a path", "a path, relative ones from the folder of this file")
    folder = info.context["folder"] if isinstance(info.context, dict) else Path.cwd()
    return Path(folder) / written


def default_data_dir() -> Path:
    """Return the folder where none is written: what the environment says (a container's volume), else ``.sayso``."""
    return Path(os.environ.get("SAYSO_DATA_DIR") or ".sayso")


def _optional_file(written: object, info: ValidationInfo) -> Path | None:
    if written is None or written == "":
        return None
    path = _folder_path(written, info)
    if not path.is_file():
        raise wrong("there is no such file", 'the path of a file; "" for none')
    return path


def _optional_folder(written: object, info: ValidationInfo) -> Path | None:
    return None if written is None or written == "" else _folder_path(written, info)


_SIZE = re.compile(r"([1-9]\d{0,8})(mb|gb)", re.ASCII)
_SMALLEST_MB = 64


def read_memory(written: object) -> int | None:
    """Read a size of memory in bytes; None is "auto"."""
    if written is None or written == "auto":
        return None
    found = _SIZE.fullmatch(written.lower()) if isinstance(written, str) else None
    allowed = f'"auto", or a size such as "512mb" or "4gb", at least "{_SMALLEST_MB}mb"'
    if found is None:
        raise wrong("not a size of memory", allowed)
    size = int(found[1]) << (20 if found[2] == "mb" else 30)
    if size < _SMALLEST_MB << 20:
        raise wrong("too little for a store", allowed)
    return size


def _nothing(written: object) -> object:
    return None if written == "" else written


def listening(at: str) -> Any:  # as pydantic's Field
    """Make a field of an address to listen on, with its default."""
    return Field(default_factory=lambda: read_address(at), json_schema_extra={"default": at})


def _text(pattern: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": [example]})


_PLAIN = WithJsonSchema({"type": "string"})

ListenAddress = Annotated[
    Address, PlainValidator(read_address), WithJsonSchema({"type": "string", "pattern": r"^.+:\d{1,5}$"})
]
Network = Annotated[
    IPv4Network | IPv6Network, PlainValidator(read_network), _text(r"^[0-9A-Fa-f:.]+(/\d+)?$", "10.0.0.0/8")
]
OptionalSecret = Annotated[Secret | None, BeforeValidator(_nothing)]
FolderPath = Annotated[Path, PlainValidator(_folder_path), _PLAIN]
OptionalFile = Annotated[Path | None, PlainValidator(_optional_file), _PLAIN]
OptionalFolder = Annotated[Path | None, PlainValidator(_optional_folder), _PLAIN]
Host = Annotated[str, AfterValidator(read_host)]
Origin = Annotated[str, AfterValidator(read_origin), _text(r"^https?://", "https://shop.example")]
BasePath = Annotated[str, AfterValidator(read_base_path), _text(r"^/", "/")]
Name = Annotated[str, AfterValidator(read_name)]
EventName = Annotated[str, AfterValidator(read_event_name)]
ParamName = Annotated[str, AfterValidator(read_param_name)]
CookieName = Annotated[str, AfterValidator(read_cookie_name)]
RouteName = Annotated[str, AfterValidator(read_route_name)]
ScriptName = Annotated[str, AfterValidator(read_script_name)]
StoreMemory = Annotated[
    int | None, PlainValidator(read_memory), _text(r"^(auto|[1-9]\d*([mM][bB]|[gG][bB]))$", "512mb")
]
StoreUrl = Annotated[ServerUrl, PlainValidator(read_store_url), _PLAIN]
EgressOrigin = Annotated[str, AfterValidator(read_egress_origin)]
ProxyUrl = Annotated[ServerUrl, PlainValidator(read_proxy_url), _PLAIN]
