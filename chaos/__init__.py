"""The crash campaign: everything that can break is broken, and then the clients' and the vendors' logs are compared."""
