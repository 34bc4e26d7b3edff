"""The operator's commands on a store that runs: looking, pausing, dead letters, a visitor's consent. Never a server."""
