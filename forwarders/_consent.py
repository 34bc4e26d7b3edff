"""What the ad signals of an event allow a vendor whose full events need all three of them."""

from proxy.signals import AD_SIGNALS, Signals


def may_advertise(signals: Signals) -> bool:
    """Tell whether all three ad signals are granted."""
    return signals.all_granted() or all(signals.granted(signal) for signal in AD_SIGNALS)
