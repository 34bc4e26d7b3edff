"""The report on conversions: what is counted for it in the store, and how it is read again."""
