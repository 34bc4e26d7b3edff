"""Contact data as Google wants it: normalised, then SHA-256 in hexadecimal. Shared by Analytics and Ads.

Google: Data Manager API, "formatting and hashing user data". Only what can be sent as a hash is made here. Google also
takes a postal address, but matches it by *plain* postal code and country next to hashed names; those would leave as
readable contact data, so no part of an address is sent.
"""

from forwarders._contact import e164, sha256_hex
from proxy.event import UserData

_DOTLESS = frozenset({"gmail.com", "googlemail.com"})


def normal_email(written: str) -> str:
    """Return an e-mail address without spaces and in lower case; ``""`` if it is not one.

    Only for Gmail's own domains dots and everything from ``+`` on are taken out of the local part.
    """
    local, at, domain = "".join(written.split()).lower().partition("@")
    if domain in _DOTLESS:
        local = local.partition("+")[0].replace(".", "")
    host, dot, top = domain.rpartition(".")
    if not (local and at and host and dot and top) or "@" in domain:
        return ""
    return f"{local}@{domain}"


def google_contact(user_data: UserData) -> dict[str, str]:
    """Return ``email`` and ``phone`` as Google's hashes, each only where it is valid; the site's own where it has no plain.

    A phone number without a country is not sent: Google matches E.164, and a guessed country is somebody else's.
    """
    contact = {}
    if user_data.email and (email := normal_email(user_data.email)):
        contact["email"] = sha256_hex(email)
    elif user_data.google_email:
        contact["email"] = user_data.google_email
    if user_data.phone and (phone := e164(user_data.phone)):
        contact["phone"] = sha256_hex(phone)
    elif user_data.google_phone:
        contact["phone"] = user_data.google_phone
    return contact
