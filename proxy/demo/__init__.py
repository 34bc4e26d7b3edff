"""``sayso demo``: the whole of Sayso, a shop to send events and a fake of every vendor, in one process on loopback."""
