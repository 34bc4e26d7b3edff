"""The commands of ``sayso``: arguments in, text and exit status out. The work itself is done elsewhere."""
