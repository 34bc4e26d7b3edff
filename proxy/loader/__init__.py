"""The loader: the script that a website includes, and what a site owner pastes to include it."""
