"""One module per vendor: settings and mapping, no I/O. ``forwarders.base`` says what such a module declares."""
