"""The canary: a marked conversion that goes the whole way, now and then, to a vendor that is ourselves."""
