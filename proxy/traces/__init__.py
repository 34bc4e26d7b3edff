"""Traces for an operator's backend, off unless configured. Only ``export`` knows OpenTelemetry, and is imported when on."""
