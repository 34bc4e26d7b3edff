"""The public HTTP side: everything that a browser or a backend can reach."""
