"""Google Ads: which stanzas are taken, and what is said of the others."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from forwarders.auth import NoAuth, ServiceAccountAuth
from forwarders.google_ads import GoogleAds
from tests.support.events import STANZAS, service_account_json

STANZA: dict[str, Any] = {
    **STANZAS["google_ads"],
    "conversions": {
        "purchase": {"action_id": "987654321", "label": "AbC-D_efG-h12"},
        "generate_lead": {"action_id": "987654322"},
    },
}
ADS = GoogleAds.build(STANZA)


def changed_key(**changes: object) -> str:
    """Return a service-account key with changed fields; None takes a field out."""
    key = {**json.loads(service_account_json()), **changes}
    return json.dumps({name: value for name, value in key.items() if value is not None})


def complaints(**changes: object) -> str:
    """Return all that is said of a stanza with these changes."""
    with pytest.raises(ValidationError) as caught:
        GoogleAds.build({**STANZA, **changes})
    return str(caught.value)


@pytest.mark.parametrize(
    ("credentials", "said"),
    [
        ("PRIVATE-not-json", "not JSON"),
        ('["PRIVATE"]', "not the key of a service account"),
        (changed_key(type="authorized_user"), "not the key of a service account"),
        (changed_key(type="external_account"), "not the key of a service account"),
        (changed_key(client_email=None), 'no "client_email"'),
        (changed_key(private_key=""), 'no "private_key"'),
        (changed_key(private_key=7), 'no "private_key"'),
        (changed_key(token_uri=None), '"token_uri" must be https://oauth2.googleapis.com/token'),
        (changed_key(token_uri="https://oauth2.googleapis.com.evil.example/token"), '"token_uri" must be'),
        (changed_key(token_uri="http://oauth2.googleapis.com/token"), '"token_uri" must be'),
    ],
)
def test_credentials_that_are_no_service_account_key_are_refused(credentials: str, said: str) -> None:
    """The error says what is wrong and quotes nothing; a foreign token address would get a signed assertion."""
    words = complaints(credentials=credentials)
    assert said in words
    assert "PRIVATE" not in words
    assert "iam.gserviceaccount.com" not in words
    assert "evil" not in words


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"customer_id": "12345x"}, "customer_id"),
        ({"customer_id": ""}, "customer_id"),
        ({"login_customer_id": "manager"}, "login_customer_id"),
        ({"conversion_id": "123456789"}, "conversion_id"),
        ({"conversion_id": "AW-12/../x"}, "conversion_id"),
        ({"conversions": {"purchase": {"label": "x"}}}, "action_id"),
        ({"conversions": {"purchase": {"action_id": "x"}}}, "action_id"),
        ({"conversions": {"purchase": {"action_id": "1", "label": "a/b"}}}, "label"),
        ({"conversions": {"purchase": {"action_id": "1", "lable": "x"}}}, "lable"),
        ({"conversions": {"my purchase": {"action_id": "1"}}}, "my purchase"),
        ({"otherwise": "cookieless", "conversion_id": ""}, "needs conversion_id"),
        ({"otherwise": "cookieless"}, "needs a label for generate_lead"),
    ],
)
def test_a_stanza_that_cannot_work_is_refused(changes: Mapping[str, Any], said: str) -> None:
    """Each problem names its key."""
    assert said in complaints(**changes)


def test_account_numbers_may_be_written_as_google_ads_shows_them() -> None:
    """With hyphens."""
    ads = GoogleAds.build({**STANZA, "customer_id": "123-456-7890", "login_customer_id": "111-222-3333"})
    assert (ads.customer_id, ads.login_customer_id) == ("1234567890", "1112223333")


def test_authentication_is_a_service_account_for_the_data_manager_api() -> None:
    """Pings carry none."""
    auth = ADS.auth
    assert isinstance(auth, ServiceAccountAuth)
    assert auth.scope == "https://www.googleapis.com/auth/datamanager"
    assert json.loads(auth.credentials.reveal())["type"] == "service_account"
    assert ADS.cookieless_auth == NoAuth()


def test_which_events_are_configured() -> None:
    """A conversion without stanza is not for this account; one without label has no ping."""
    assert [ADS.configured_for(name) for name in ("purchase", "generate_lead", "page_view")] == [
        True,
        True,
        False,
    ]
    assert [ADS.cookieless_configured(name) for name in ("purchase", "generate_lead", "page_view")] == [
        True, False, False,
    ]  # fmt: skip
    bare = GoogleAds.build({"customer_id": "1", "credentials": service_account_json()})
    assert not bare.configured_for("purchase")
    without_id = GoogleAds.build({**STANZA, "conversion_id": ""})
    assert not without_id.cookieless_configured("purchase")
