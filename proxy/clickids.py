"""Click ids: the query parameters by which ad and mail systems recognise one visitor's click. Data, and one check.

Sources: Google's click-id redaction list and URL pass-through, Meta Conversions API (fbc and fbp), Microsoft UET,
LinkedIn first-party cookies; for the others the parameter lists that browsers and analytics tools publish.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote

_NAMES: Final = {
    "google": "gclid gclsrc dclid gbraid wbraid gad_source gad_campaignid gclaw gcldc gclha gclgf gclgb gclgs gclag"
    " gac _gac _gl _ga srsltid",
    "meta": "fbclid fb_action_ids fb_comment_id igshid igsh ctwa_clid",
    "microsoft": "msclkid uetmsclkid _uetmsclkid",
    "linkedin": "li_fat_id li_ed",
    "tiktok": "ttclid",
    "x": "twclid",
    "pinterest": "epik",
    "snap": "sccid sc_click_id",
    "reddit": "rdt_cid",
    "quora": "qclid",
    "yahoo": "vmcid",
    "yandex": "yclid ymclid ysclid _openstat",
    "amazon": "aaclid",
    "taboola": "tblci",
    "outbrain": "dicbo obclid",
    "nextdoor": "ndclid",
    "impact": "irclid irclickid",
    "klaviyo": "_kx",
    "mailchimp": "mc_cid mc_eid",
    "hubspot": "_hsenc _hsmi __hssc __hstc __hsfp hsctatracking",
    "marketo": "mkt_tok",
    "eloqua": "elqtrackid elq elqtrack",
    "adobe": "ef_id s_kwcid",
    "other": "cjevent awc tduid sscid ranmid ransiteid clickid click_id rb_clickid unicorn_click_id syclid"
    " _branch_match_id _branch_referrer bsft_clkid bsft_uid vero_id vero_conv wickedid oly_enc_id oly_anon_id"
    " ml_subscriber ml_subscriber_hash ss_email_id __s dm_i et_rid vgo_ee _bta_tid _bta_c trk_contact trk_msg trk_sid"
    " guce_referrer_sig sms_uph __ss_tk",
}

CLICK_IDS: Final[Mapping[str, str]] = MappingProxyType(
    {name: vendor for vendor, names in _NAMES.items() for name in names.split()}
)
"""Lower-case query-parameter name to the vendor whose id it is."""

# Our own bound: every id seen is made of these, and nothing that could break a cookie, a header or a URL is.
_ANY = re.compile(r"[A-Za-z0-9_.~-]{3,512}")
_FORMS: Final = {
    "fbclid": re.compile(
        r"[A-Za-z0-9_-]{3,500}"
    ),  # case-sensitive; a dot would break the _fbc cookie made of it
    "msclkid": re.compile(r"[0-9A-Za-z_-]{16,64}"),
    "li_fat_id": re.compile(r"[0-9A-Za-z-]{16,64}"),
    "gad_source": re.compile(r"[0-9]{1,4}"),
    "gad_campaignid": re.compile(r"[0-9]{1,20}"),
    "gclsrc": re.compile(r"[A-Za-z0-9.]{2,16}"),
    "_gl": re.compile(r"[A-Za-z0-9_.*~-]{3,1024}"),
    "_hsmi": re.compile(r"[0-9]{1,20}"),
    "ef_id": re.compile(r"[A-Za-z0-9_.:-]{3,512}"),
    "s_kwcid": re.compile(r"[A-Za-z0-9_.!-]{3,512}"),
    "mkt_tok": re.compile(r"[A-Za-z0-9+/=_-]{3,1024}"),
}
# What scripts write when they had no id.
_EMPTY_WORDS: Final = frozenset({"null", "undefined", "none", "nan", "true", "false"})

_MAX_QUERY = 8192
_MAX_PARAMETERS = 200


def valid(name: str, value: str) -> bool:
    """Tell whether a decoded value can be the click id of that name.

    Args:
        name: a key of ``CLICK_IDS``.
        value: percent-decoded, case as it came.
    """
    return _FORMS.get(name, _ANY).fullmatch(value) is not None and value.lower() not in _EMPTY_WORDS


def extract(query_string_or_url: str) -> dict[str, str]:
    """Return the click ids in a URL or a bare query string, by lower-case name, percent-decoded.

    The first valid value of a name wins. Work is bounded: at most 200 parameters in the first 8192 characters.
    """
    text = query_string_or_url[:_MAX_QUERY].partition("#")[0]
    before, mark, query = text.partition("?")
    if not mark:
        if "://" in before:
            return {}
        query = before
    found: dict[str, str] = {}
    for pair in query.split("&", _MAX_PARAMETERS)[:_MAX_PARAMETERS]:
        name, _, value = pair.partition("=")
        name = name.lower()
        if name in CLICK_IDS and name not in found:
            decoded = unquote(value) if "%" in value else value
            if valid(name, decoded):
                found[name] = decoded
    return found
