"""The fields of Data Manager API v1's ``IngestEventsRequest``.

Source: Google, Data Manager API, REST reference, events.ingest.
"""

from __future__ import annotations

from proxy.twin.rules.proto_json import Kind, Spec

STRING, NUMBER, INT64 = Kind.STRING, Kind.NUMBER, Kind.INT64


def _strings(names: str) -> dict[str, Spec]:
    return dict.fromkeys(names.split(), STRING)


_CONSENT_STATUS = frozenset({"CONSENT_GRANTED", "CONSENT_DENIED", "CONSENT_STATUS_UNSPECIFIED"})
_CONSENT: Spec = {"ad_user_data": _CONSENT_STATUS, "ad_personalization": _CONSENT_STATUS}

ACCOUNT_TYPES = frozenset(
    """GOOGLE_ADS GOOGLE_ANALYTICS_PROPERTY FLOODLIGHT_CONFIG DISPLAY_VIDEO_PARTNER DISPLAY_VIDEO_ADVERTISER
    DATA_PARTNER GOOGLE_AD_MANAGER GOOGLE_AD_MANAGER_AUDIENCE_LINK""".split()
)
_ACCOUNT: Spec = {"account_type": ACCOUNT_TYPES, "account_id": STRING, "product": ACCOUNT_TYPES}

_DEVICE: Spec = {
    **_strings(
        """user_agent ip_address category language_code operating_system operating_system_version model brand browser
        browser_version"""
    ),
    "screen_height": INT64,
    "screen_width": INT64,
}

_IDENTIFIER: Spec = {
    "email_address": STRING,
    "phone_number": STRING,
    "address": _strings(
        "given_name family_name region_code postal_code address_line city administrative_area"
    ),
}
_USER_DATA: Spec = {"user_identifiers": [_IDENTIFIER]}

_CUSTOM_VARIABLE: Spec = {"variable": STRING, "value": STRING, "destination_references": [STRING]}

_CART_ITEM: Spec = {
    **_strings("merchant_product_id item_id merchant_id"),
    "quantity": INT64,
    "unit_price": NUMBER,
    "conversion_value": NUMBER,
    "additional_item_parameters": [_strings("parameter_name value")],
    "custom_variables": [_CUSTOM_VARIABLE],
}
_CART: Spec = {
    **_strings("merchant_id merchant_feed_label merchant_feed_language_code"),
    "transaction_discount": NUMBER,
    "coupon_codes": [STRING],
    "items": [_CART_ITEM],
}

_AD_IDENTIFIERS: Spec = {
    **_strings(
        """gclid gbraid wbraid dclid impression_id match_id mobile_device_id ppid visitor_ppid lead_id
        session_attributes"""
    ),
    "encrypted_user_ids": [STRING],
    "landing_page_device_info": _DEVICE,
}

_USER_PROPERTIES: Spec = {
    "customer_type": frozenset({"NEW", "RETURNING", "REENGAGED"}),
    "customer_value_bucket": frozenset({"LOW", "MEDIUM", "HIGH"}),
    "additional_user_properties": [_strings("property_name value")],
}

EVENT: Spec = {
    **_strings("transaction_id currency event_name client_id user_id app_instance_id"),
    "destination_references": [STRING],
    "event_timestamp": Kind.TIMESTAMP,
    "last_updated_timestamp": Kind.TIMESTAMP,
    "event_source": frozenset("WEB APP IN_STORE PHONE MESSAGE OTHER".split()),
    "conversion_value": NUMBER,
    "conversion_count": NUMBER,
    "consent": _CONSENT,
    "ad_identifiers": _AD_IDENTIFIERS,
    "user_data": _USER_DATA,
    "third_party_user_data": _USER_DATA,
    "event_device_info": _DEVICE,
    "event_location": _strings("store_id city subdivision_code region_code subcontinent_code continent_code"),
    "cart_data": _CART,
    "user_properties": _USER_PROPERTIES,
    "custom_variables": [_CUSTOM_VARIABLE],
    "additional_event_parameters": [_strings("parameter_name value")],
    "experimental_fields": [_strings("field value")],
}

DESTINATION: Spec = {
    "reference": STRING,
    "operating_account": _ACCOUNT,
    "login_account": _ACCOUNT,
    "linked_account": _ACCOUNT,
    "product_destination_id": STRING,
}

REQUEST: Spec = {
    "destinations": [DESTINATION],
    "consent": _CONSENT,
    "validate_only": Kind.BOOL,
    "encoding": frozenset({"HEX", "BASE64"}),
}
"""All but ``events``, which are checked one by one with the path Google gives them."""
