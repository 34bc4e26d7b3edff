"""Google's Measurement Protocol, taken from backends: its JSON becomes events of ours, and what is wrong is said. Pure."""

from proxy.measurement.findings import Code, Finding
from proxy.measurement.message import MAX_EVENTS, Message, read_message

__all__ = ["MAX_EVENTS", "Code", "Finding", "Message", "read_message"]
