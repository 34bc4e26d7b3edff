"""What the vendors accept and refuse, as pure functions of parsed JSON and the time."""
