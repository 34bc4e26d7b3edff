"""Names of parameters whose values are personal or secret whatever they look like. Data, and one check.

The set is documented for site owners; a name counts if one of its words is listed (``billing_email``, ``userToken``) or
if it is, or ends as, one of the compound names (``firstName``, ``customer[last-name]``).
"""

import re
from typing import Final
from urllib.parse import unquote

_WORDS: Final = frozenset(
    # contact
    "email mail epost phone telephone telefon telefonnummer tlf tel mobile mobil mobilnummer msisdn whatsapp"
    # person
    " surname firstname lastname fullname givenname familyname fornavn etternavn efternavn username brukernavn navn"
    " ssn fnr fodselsnummer fødselsnummer personnummer cpr cprnr hetu dob birthdate birthday fodselsdato fødselsdato"
    " passport nationalid"
    # place
    " address adresse street postcode postalcode zipcode postnummer postnr latitude longitude lat lng lon ip ipaddress"
    # money
    " iban cardnumber ccnumber cvv cvc kontonummer accountnumber"
    # secrets and sessions
    " password passwd passord pwd passcode token accesstoken secret apikey session sessionid sessid phpsessid jsessionid"
    " sid auth authorization oauth jwt otp pin csrf xsrf nonce signature sig hmac magiclink"
    # ids of a person
    " userid uid customerid kundenr kundenummer memberid visitorid subscriberid contactid leadid deviceid".split()
)
# Too common as a part of harmless names (product_name, sort_key, zip=..): these count as whole names only.
_WHOLE: Final = frozenset("name key pass user login zip e-mail".split())
_COMPOUNDS: Final = (
    "firstname lastname fullname givenname familyname emailaddress phonenumber mobilenumber streetaddress userid"
    " customerid memberid visitorid contactid subscriberid leadid deviceid apikey accesskey secretkey authkey"
    " sessionkey cardnumber accountnumber dateofbirth nationalid useremail epost"
).split()
_COMPOUND_END: Final = re.compile("(?:" + "|".join(_COMPOUNDS) + ")$")

# The names nearly every URL is made of, so that they cost one look-up.
HARMLESS: Final = frozenset(
    "utm_source utm_medium utm_campaign utm_term utm_content utm_id utm_source_platform utm_creative_format"
    " utm_marketing_tactic q s p page id ref lang locale sort order dir filter size color colour category cat tag tab"
    " variant sku product item search query view type limit offset currency price min max from to date v t".split()
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[^\W_]+")


def is_sensitive(name: str) -> bool:
    """Tell whether values under this name are personal or secret.

    Args:
        name: a parameter's name or a path segment, percent-encoded or not, in any case.
    """
    if name in HARMLESS:
        return False
    if "%" in name:
        name = unquote(unquote(name))
    words = _WORD.findall(_CAMEL.sub("_", name).lower())
    joined = "".join(words)
    return joined in _WHOLE or not _WORDS.isdisjoint(words) or _COMPOUND_END.search(joined) is not None
