"""``sayso audit summary``: who got which fields in which mode, how often, under which policy. What a breach asks for."""

from dataclasses import dataclass

from proxy.audit.reading import rows
from proxy.audit.rows import Row
from proxy.operate.audit_rows import Request
from proxy.operate.desk import FAILED, MISTAKEN, MistakeError
from proxy.operate.shown import as_json, counted
from proxy.settings import Settings


@dataclass(slots=True)
class Sum:
    """What went to one forwarder in one mode under one policy. ``events``: how many, each once; ``delivered``: accepted."""

    events: int
    delivered: int
    fields: dict[str, int]


def summarising(settings: Settings, request: Request, *, json: bool) -> tuple[int, str]:
    """Do the work of ``sayso audit summary``: who got which fields in which mode, how often, under which policy."""
    sums: dict[tuple[str, str, str, str], Sum] = {}
    try:
        wanted = request.wanted()
        for _, row in rows(settings.audit_dir, wanted):
            _add(sums, row)
    except MistakeError as error:
        return MISTAKEN, f"sayso: {error}"
    except OSError as error:
        return FAILED, f"sayso: the audit trail in {settings.audit_dir} cannot be read: {error.strerror}"
    if json:
        return 0, as_json(
            {
                "since": wanted.since,
                "until": wanted.until,
                "sent": [
                    {
                        "site": site,
                        "forwarder": forwarder,
                        "mode": mode,
                        "policy": policy,
                        "events": one.events,
                        "delivered": one.delivered,
                        "fields": dict(sorted(one.fields.items())),
                    }
                    for (site, forwarder, mode, policy), one in sorted(sums.items())
                ],
            }
        )
    period = f"since {wanted.since or 'the beginning'} until {wanted.until or 'now'}"
    if not sums:
        return 0, f"nothing was sent {period}"
    lines = [f"sent {period}:"]
    for (site, forwarder, mode, policy), one in sorted(sums.items()):
        events = counted(one.events, "event", "events")
        lines.append(f"{site} {forwarder} {mode}, policy {policy}: {events}, {one.delivered} accepted")
        lines.append("  " + ", ".join(f"{name} ({number})" for name, number in sorted(one.fields.items())))
    return 0, "\n".join(lines)


def _add(sums: dict[tuple[str, str, str, str], Sum], row: Row) -> None:
    fields = row.get("fields")
    if row.get("kind") not in {"ended", "tried"} or not isinstance(fields, list):
        return
    key = (str(row.get("site")), str(row.get("forwarder")), str(row.get("mode")), str(row.get("policy")))
    one = sums.setdefault(key, Sum(0, 0, {}))
    one.delivered += row.get("outcome") == "delivered"
    if row.get("first"):  # a later attempt tells the vendor nothing that the first has not told
        one.events += 1
        for name in fields:
            one.fields[name] = one.fields.get(name, 0) + 1
