"""What Google Analytics 4 takes in an event: names, lengths, numbers of things. Pure.

Google: Measurement Protocol, "limitations" and "reserved names". The collection server answers 2xx to anything and drops
in silence what breaks a limit, so the limits are kept here: texts are cut, surplus parameters left out in the order in
which the site gave them, names that Google reserves left out.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from proxy.event import Item, Scalar

MAX_PARAMS = 25
MAX_TEXT = 100
MAX_ITEMS = 200
MAX_ITEM_EXTRAS = 27
MAX_PROPERTIES = 25
MAX_PROPERTY_NAME = 24
MAX_PROPERTY_TEXT = 36
# Google Analytics help, "collection limits": these three are longer than other parameters.
MAX_URL = 1000
MAX_REFERRER = 420
MAX_TITLE = 300

RESERVED_EVENTS = frozenset(
    "ad_activeview ad_click ad_exposure ad_impression ad_query ad_reward adunit_exposure app_clear_data app_exception"
    " app_install app_remove app_store_refund app_store_subscription_cancel app_store_subscription_convert"
    " app_store_subscription_renew app_update app_upgrade dynamic_link_app_open dynamic_link_app_update"
    " dynamic_link_first_open error firebase_campaign firebase_in_app_message_action"
    " firebase_in_app_message_dismiss firebase_in_app_message_impression first_open first_visit in_app_purchase"
    " notification_dismiss notification_foreground notification_open notification_receive notification_send"
    " os_update screen_view session_start session_start_with_rollout user_engagement".split()
)
RESERVED_PROPERTIES = frozenset(
    "first_open_time first_visit_time last_deep_link_referrer user_id first_open_after_install".split()
)
ITEM_FIELDS = frozenset(
    "item_id item_name affiliation coupon currency discount index item_brand item_category item_category2"
    " item_category3 item_category4 item_category5 item_list_id item_list_name item_variant location_id price"
    " quantity creative_name creative_slot promotion_id promotion_name".split()
)
# Parameters that have a field of their own in an event. They are filled from there: it has been reduced.
OWN_PARAMS = frozenset(
    "session_id page_location page_referrer page_title value currency transaction_id items firebase_conversion".split()
)

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_RESERVED_PREFIXES = ("firebase_", "ga_", "google_", "gtag.")


# Names come from strangers; the cache is bounded and a miss costs a microsecond.
@lru_cache(maxsize=4096)
def _good_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and not name.lower().startswith(_RESERVED_PREFIXES)


def good_event_name(name: str) -> bool:
    """Tell whether Google takes events of that name from a web stream."""
    return name not in RESERVED_EVENTS and _good_name(name)


def add_params(params: dict[str, object], given: Mapping[str, Scalar]) -> None:
    """Add a site's free parameters to an event's, as far as Google takes them and there is room."""
    for name, value in given.items():
        if len(params) >= MAX_PARAMS:
            return
        if _good_name(name) and name not in OWN_PARAMS and name not in params:
            params[name] = value[:MAX_TEXT] if type(value) is str else value


def good_items(items: Sequence[Item]) -> list[Item]:
    """Return the items that Google takes: each has an id or a name; their texts are cut."""
    return [_good_item(item) for item in items[:MAX_ITEMS] if item.get("item_id") or item.get("item_name")]


def _good_item(item: Item) -> Item:
    good: Item = {}
    extras = 0
    for name, value in item.items():
        if name not in ITEM_FIELDS:
            if extras >= MAX_ITEM_EXTRAS or not _good_name(name):
                continue
            extras += 1
        good[name] = value[:MAX_TEXT] if type(value) is str else value
    return good


def good_properties(given: Mapping[str, Scalar]) -> dict[str, dict[str, Scalar]]:
    """Return user properties in Google's shape, as far as it takes them."""
    good: dict[str, dict[str, Scalar]] = {}
    for name, value in given.items():
        if len(good) >= MAX_PROPERTIES:
            break
        if len(name) <= MAX_PROPERTY_NAME and name not in RESERVED_PROPERTIES and _good_name(name):
            good[name] = {"value": value[:MAX_PROPERTY_TEXT] if type(value) is str else value}
    return good
