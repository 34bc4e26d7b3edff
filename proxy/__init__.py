"""Sayso: visitors' events go only where the visitor says so."""

__version__ = "0.1.0"
