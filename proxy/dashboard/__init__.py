"""The dashboard for marketers: one page of conversion counts, its files, and the login in front of it."""
