"""The configuration: one TOML file, read once into frozen models. Every problem of a file is reported at once."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError

from proxy.settings_findings import findings
from proxy.settings_problems import ConfigError, Finding, Problem, shown, wrong
from proxy.settings_rules import broken_rules
from proxy.settings_sites import SiteSettings
from proxy.settings_traces import TracesSettings
from proxy.settings_urls import ServerUrl
from proxy.settings_values import (
    EgressOrigin,
    FolderPath,
    ListenAddress,
    Name,
    Network,
    OptionalFile,
    OptionalFolder,
    OptionalSecret,
    ProxyUrl,
    StoreMemory,
    StoreUrl,
    Table,
    default_data_dir,
    listening,
)
from proxy.zone import zone_of

__all__ = ["ConfigError", "Problem", "Settings", "load_settings", "read_settings"]


class ServerSettings(Table):
    """``[server]``: where Sayso listens, and what it keeps on disk."""

    listen: ListenAddress = listening("127.0.0.1:8080")
    """HOST:PORT for the public; port 0 takes a free one."""
    admin_listen: ListenAddress = listening("127.0.0.1:9464")
    """HOST:PORT for metrics, health, dashboard and admin API; never public."""
    admin_token: OptionalSecret = None
    """Password of the admin API and the dashboard; needed unless ``admin_listen`` is loopback."""
    workers: int = Field(default=1, ge=1, le=64)
    """Gateway processes."""
    trusted_proxies: Annotated[tuple[Network, ...], Field(strict=False)] = ()
    """Networks whose ``X-Forwarded-For`` and ``Forwarded`` are believed; those of others are ignored."""
    rate_limit_per_minute: int = Field(default=6000, ge=0, le=10_000_000)
    """Requests per minute and truncated client address; 0 switches it off. Ingest keys are exempt."""
    data_dir: FolderPath = Field(
        default_factory=default_data_dir, validate_default=True, json_schema_extra={"default": ".sayso"}
    )
    """Folder of the embedded store's files; a relative path starts at this file's folder. Absent: ``$SAYSO_DATA_DIR``."""
    geo_database: OptionalFile = Field(default=None, json_schema_extra={"default": ""})
    """A MaxMind-format country database, to tell the country from the truncated address; empty: none."""
    id_key: OptionalSecret = None
    """Key from which each vendor's own visitor ids are derived; absent: one is made and kept in the store."""


class StoreSettings(Table):
    """``[store]``: the Redis or Valkey that holds consent and outboxes."""

    url: StoreUrl = Field(
        default_factory=lambda: ServerUrl("embedded"), json_schema_extra={"default": "embedded"}
    )
    """``embedded``, or a redis://, rediss:// or unix:// URL; it may be written as a secret."""
    durability: Literal["always", "everysec"] = "always"
    """When the store writes to disk: before every answer, or once a second. A store of your own is checked for it."""
    max_memory: StoreMemory = Field(
        default=None, validate_default=True, json_schema_extra={"default": "auto"}
    )
    """What the embedded store may hold in memory: "512mb", "4gb"; "auto" is half of what the machine or container allows."""
    partitions: int = Field(default=1, ge=1, le=256)
    """Parts that a site's events are spread over; fixed when the store is first used."""

    @property
    def embedded(self) -> bool:
        """Tell whether Sayso runs its own store."""
        return self.url == "embedded"


class EgressSettings(Table):
    """``[egress]``: how requests leave."""

    origin: EgressOrigin = ""
    """If set, every outbound request for https://HOST/PATH goes to ORIGIN/HOST/PATH: all vendors become a sink."""
    proxy: ProxyUrl = Field(default_factory=ServerUrl, json_schema_extra={"default": ""})
    """Outbound HTTP proxy; it may be written as a secret. Empty: none."""


class DeliverySettings(Table):
    """``[delivery]``: how entries are sent. Each forwarder has its own outbox."""

    linger_ms: int = Field(default=200, ge=0, le=5000)
    """Milliseconds to wait for a batch to fill."""
    timeout_s: float = Field(default=10.0, ge=0.1, le=120, allow_inf_nan=False)
    """Seconds that a vendor has for an answer."""
    in_flight: int = Field(default=4, ge=1, le=64)
    """Requests that one forwarder may have under way at once."""
    max_entries: int = Field(default=1_000_000, ge=1)
    """Entries that an outbox (of one partition) holds; past that, ``when_full`` says what happens."""
    max_bytes: int = Field(default=1 << 30, ge=1024)
    """Bytes that an outbox (of one partition) holds; past that, as above."""
    when_full: Literal["drop", "refuse"] = "drop"
    """New entries of a full outbox are dropped as ``outbox_full``, or their requests refused with 503 and ``Retry-After``."""
    replay_hours: int = Field(default=24, ge=0, le=72)
    """Hours for which delivered entries are kept, to be sent again by ``sayso replay``; 0 keeps none."""
    replay_entries: int = Field(default=10_000, ge=1, le=10_000_000)
    """Delivered entries that are kept at most, of each outbox and partition; the oldest go first."""


class AuditSettings(Table):
    """``[audit]``: the trail of what was decided and sent, in files that nobody can change unnoticed."""

    dir: OptionalFolder = Field(default=None, json_schema_extra={"default": ""})
    """Folder of the files; a relative path starts at this file's folder. Empty: ``audit`` in ``data_dir``."""
    keep_days: int = Field(default=90, ge=1, le=4000)
    """Days for which rows are kept."""
    link_days: int = Field(default=90, ge=1, le=4000)
    """Days after which nobody can find a visitor's rows any more, not even with the visitor's id."""


def _read_zone(written: str) -> str:
    try:
        zone_of(written)
    except ValueError:
        raise wrong(
            f"{shown(written)} is not a time zone that this machine knows",
            'a name such as "Europe/Oslo" or "UTC"; where none but UTC is known, the package tzdata is missing',
        ) from None
    return written


class ReportSettings(Table):
    """``[report]``: what is counted of conversions, for the dashboard."""

    timezone: Annotated[str, AfterValidator(_read_zone)] = "UTC"
    """By whose midnights days are told apart, as in the IANA database: "Europe/Oslo". What was counted before stays."""
    keep_days: int = Field(default=400, ge=8, le=4000)
    """Days for which the counts of a day are kept."""
    small_cells: int = Field(default=5, ge=0, le=1000)
    """Smaller numbers than this are hidden where they could tell of single people; 0 shows all."""


class LogSettings(Table):
    """``[log]``: what is logged, to stderr. Never anything of a visitor."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important lines to write."""
    format: Literal["auto", "json", "text"] = "auto"
    """``auto`` is text on a terminal and JSON elsewhere."""


class DashboardSettings(Table):
    """``[dashboard]``: who may see it, besides those who have the admin token."""

    user_header: Annotated[str, Field(pattern=r"^([A-Za-z][A-Za-z0-9-]{0,63})?$")] = ""
    """In which header your own proxy names who it has let through: "X-Forwarded-User". Believed from trusted_proxies only."""


class CanarySettings(Table):
    """``[canary]``: a conversion of our own that goes the whole way now and then, to a vendor that is ourselves."""

    every: Annotated[str, Field(pattern=r"^([1-9][0-9]{0,4}[smh])?$")] = ""
    """How often: "60s", "5m", "1h"; empty: never."""
    url: Annotated[str, Field(pattern=r"^(https?://[^\s/?#]+)?$")] = ""
    """Where the gateway takes events, for ``sayso deliver`` alone; ``sayso serve`` knows its own."""

    @property
    def every_s(self) -> float:
        """Seconds from one to the next; 0: never."""
        units = {"s": 1, "m": 60, "h": 3600}
        return float(int(self.every[:-1]) * units[self.every[-1]]) if self.every else 0.0


class Settings(Table):
    """The whole file."""

    server: ServerSettings = Field(default_factory=ServerSettings)
    """Where Sayso listens, and what it keeps on disk."""
    store: StoreSettings = StoreSettings()
    """The Redis or Valkey that holds consent and outboxes."""
    egress: EgressSettings = EgressSettings()
    """How requests leave."""
    delivery: DeliverySettings = DeliverySettings()
    """How entries are sent."""
    audit: AuditSettings = AuditSettings()
    """The trail of what was decided and sent."""
    report: ReportSettings = ReportSettings()
    """What is counted of conversions."""
    dashboard: DashboardSettings = DashboardSettings()
    """Who may see the dashboard."""
    canary: CanarySettings = CanarySettings()
    """A conversion of our own that goes the whole way now and then."""
    traces: TracesSettings = TracesSettings()
    """Spans for a tracing backend."""
    log: LogSettings = LogSettings()
    """What is logged."""
    sites: dict[Name, SiteSettings] = Field(min_length=1)
    """The websites, by name."""

    @property
    def audit_dir(self) -> Path:
        """The folder of the audit trail."""
        return self.audit.dir if self.audit.dir is not None else self.server.data_dir / "audit"


def load_settings(path: Path) -> Settings:
    """Read a configuration file.

    Raises:
        ConfigError: it cannot be used; every reason at once.
    """
    file = str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigError([Problem(file, "", "not a text in UTF-8", "TOML, which is UTF-8")]) from None
    except OSError as error:
        raise ConfigError([Problem(file, "", f"cannot be read: {error.strerror}", "a TOML file")]) from None
    try:
        return read_settings(tomllib.loads(text), file=file, folder=path.parent)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        line = re.search(r"\(at (line \d+), column \d+\)$", message)
        where = line[1] if line else "the last line"
        raise ConfigError([Problem(file, where, f"not TOML: {message}", "TOML 1.0")]) from None
    except RecursionError:
        raise ConfigError([Problem(file, "", "too deeply nested", "tables as in the reference")]) from None


def read_settings(data: Mapping[str, object], *, file: str, folder: Path) -> Settings:
    """Read a configuration that is already parsed.

    Args:
        data: the document, as ``tomllib`` gives it.
        file: what problems are to call it.
        folder: where relative paths start, those of ``file:`` secrets too.

    Raises:
        ConfigError: it cannot be used; every reason at once.
    """
    folder = folder.resolve()
    # [server] is always read, as the folder of its default data_dir is known to this very reading only.
    document = _with_absolute_files({"server": {}, **data}, folder)
    found: list[Finding] = []
    settings: Settings | None = None
    try:
        settings = Settings.model_validate(document, context={"folder": folder})
    except ValidationError as error:
        found += findings(error, Settings, document)
    # Read from the document, so that one mistake does not hide another.
    found += broken_rules(data)
    if settings is None or found:
        raise ConfigError([one.problem(file) for one in found]) from None
    return settings


def _with_absolute_files(value: object, folder: Path) -> object:
    """Return the document with every ``file:PATH`` made absolute."""
    match value:
        case dict():
            return {key: _with_absolute_files(below, folder) for key, below in value.items()}
        case list():
            return [_with_absolute_files(below, folder) for below in value]
        case str() if value.startswith("file:"):
            return f"file:{folder / value.removeprefix('file:')}"
        case _:
            return value
