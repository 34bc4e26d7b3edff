"""Which parameters Google's recommended events need (Google Analytics: events reference). Data only."""

_PRICED = ("currency", "value", "items")

REQUIRED: dict[str, tuple[str, ...]] = {
    "purchase": ("transaction_id", *_PRICED),
    "refund": ("transaction_id", "currency", "value"),
    "add_to_cart": _PRICED,
    "remove_from_cart": _PRICED,
    "view_item": _PRICED,
    "view_cart": _PRICED,
    "begin_checkout": _PRICED,
    "add_to_wishlist": _PRICED,
    "add_payment_info": _PRICED,
    "add_shipping_info": _PRICED,
    "view_item_list": ("items",),
    "select_item": ("items",),
    "view_promotion": ("items",),
    "generate_lead": ("currency", "value"),
    "search": ("search_term",),
    "post_score": ("score",),
    "spend_virtual_currency": ("value", "virtual_currency_name"),
    "unlock_achievement": ("achievement_id",),
}
NOT_MONEY = frozenset({"spend_virtual_currency", "earn_virtual_currency", "post_score"})
"""Events whose ``value`` is of no currency."""
