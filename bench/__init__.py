"""What Sayso costs, as ratios to a bare server measured in the same run. ``make bench`` prints the table."""
