"""The twin: a bundled fake of every vendor, for demo, tests and load.

Sayso is pointed at it with ``[egress] origin = "http://127.0.0.1:PORT"``; each outbound request then arrives
here as ``/HOST/PATH?query`` with method, headers and body unchanged. ``vendors/`` holds one module per service
(found by itself, no registry), ``rules/`` the pure checks of what a vendor accepts.
"""
