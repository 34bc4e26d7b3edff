"""Sources of consent other than our own record: each read strictly, none ever more generously than it says. Pure."""
