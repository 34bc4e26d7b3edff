"""Axeptio's cookies, as browsers send them."""

from urllib.parse import quote

from tests.support.banner_cookies import UNREADABLE, Sample, check, table

AT = 1_795_330_800_000
TOKEN = "JGM06qQmvM.z2y2adAv5K3KjUJ"
HEAD = f'{{"$$token":"{TOKEN}","$$date":"2026-11-22T07:00:00.000Z","$$cookiesVersion":{{"name":"en","identifier":"66f4"}}'
MODE = '"$$googleConsentMode":{{"version":2,"analytics_storage":"{0}","ad_storage":"{1}","ad_user_data":"{1}","ad_personalization":"{1}"}}'
TAIL = '"$$completed":true}'


def one(*flags: str, head: str = HEAD, tail: str = TAIL) -> tuple[tuple[str, str], ...]:
    """Write the cookie as Axeptio's script does: quotes and commas escaped."""
    text = ",".join((head, *flags, tail))
    return (("axeptio_cookies", quote(text, safe="{}:$[]")),)


def lists(authorized: str, every: str) -> tuple[tuple[str, str], ...]:
    """Return the two lists beside it."""
    return (("axeptio_authorized_vendors", quote(authorized)), ("axeptio_all_vendors", quote(every)))


GA, FB, GADS = '"google_analytics":{}', '"facebook_pixel":{}', '"Google_Ads":{}'
ALL = one(GA.format("true"), FB.format("true"), GADS.format("true"))
NONE = one(GA.format("false"), FB.format("false"), GADS.format("false"))
STATISTICS = one(GA.format("true"), FB.format("false"), GADS.format("false"))
EVERY = ",google_analytics,facebook_pixel,Google_Ads,"


@table(
    Sample("all accepted", ALL + lists(EVERY, EVERY), "gggg", AT, TOKEN),
    Sample("all refused", NONE + lists(",,", EVERY), "dddd", AT, TOKEN),
    Sample("statistics only", STATISTICS + lists(",google_analytics,", EVERY), "gddd", AT, TOKEN),
    Sample("some of the advertisers", one(FB.format("false"), GADS.format("true")), "uddd", AT, TOKEN),
    Sample("other people's services", one('"hotjar":true', '"youtube":true'), "uuuu", None, TOKEN),
    Sample("not answered", one(tail='"$$completed":false}') + lists(",,", ",,"), "uuuu"),
    Sample("not answered, though flags are set", one(GA.format("true"), tail='"$$completed":false}'), "uuuu"),
    Sample("completion not told", one(GA.format("true"), tail='"$$scope":"persistent"}'), "uuuu"),
    Sample("Consent Mode only", one(MODE.format("granted", "denied")), "gddd", AT, TOKEN),
    Sample(
        "Consent Mode grants what the vendors did not get",
        one(FB.format("false"), MODE.format("granted", "granted")),
        "gddd",
        AT,
        TOKEN,
    ),
    Sample(
        "Consent Mode refuses what a vendor got",
        one(GA.format("true"), MODE.format("denied", "denied")),
        "dddd",
        AT,
        TOKEN,
    ),
    Sample("Consent Mode with a word that is none", one(MODE.format("yes", "yes")), UNREADABLE),
    Sample("Consent Mode with a flag", one('"$$googleConsentMode":{"ad_storage":true}'), UNREADABLE),
    Sample("the lists alone", lists(",google_analytics,Google_Ads,", EVERY), "gddd"),
    Sample("the lists alone, empty", lists(",,", ",,"), "uuuu"),
    Sample("a list cut off", ALL + lists(",google_analytics,face", EVERY), UNREADABLE),
    Sample("the list lacks a vendor", ALL + lists(",google_analytics,", EVERY), UNREADABLE),
    Sample("the list has one too many", NONE + lists(EVERY, EVERY), UNREADABLE),
    Sample("escaped throughout", (("axeptio_cookies", quote(STATISTICS[0][1], safe="")),), "gddd", AT, TOKEN),
    Sample("twice, and they differ", ALL + NONE, UNREADABLE),
    Sample("a flag that is a text", one(GA.format('"true"')), UNREADABLE),
    Sample("a flag that is a number", one(GA.format("1")), UNREADABLE),
    Sample("cut off", (("axeptio_cookies", ALL[0][1][:-12]),), UNREADABLE),
    Sample("decided tomorrow", one(GA.format("true"), head=HEAD.replace("11-22", "11-24")), UNREADABLE),
)
def test_axeptio(sample: Sample) -> None:
    """A signal needs every vendor that stands for it, and Consent Mode's word too where it is there."""
    check("axeptio", sample)
