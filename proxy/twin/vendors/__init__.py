"""One module per faked service; each has a ``create(world)`` and is found by ``proxy.twin.discovery``."""
