"""Delivery, a straight line: claim > consent again > map > send > settle. Apart from the gateway, in one process or more."""
