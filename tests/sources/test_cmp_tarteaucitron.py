"""tarteaucitron's cookie, as a real browser sent it."""

from urllib.parse import quote

from tests.support.banner_cookies import UNREADABLE, Sample, check, table


def one(value: str) -> tuple[tuple[str, str], ...]:
    """Return the cookie."""
    return (("tarteaucitron", value),)


@table(
    Sample("all accepted", one("!gtag=true!facebookpixel=true!googleads=true"), "gggg"),
    Sample("all refused", one("!gtag=false!facebookpixel=false!googleads=false"), "dddd"),
    Sample("statistics only", one("!gtag=true!facebookpixel=false"), "gddd"),
    Sample("first load: not answered", one("!gtag=wait!facebookpixel=wait"), "uuuu"),
    Sample("partly answered", one("!gtag=true!facebookpixel=wait"), "guuu"),
    Sample(
        "an advertiser that waits keeps the others from counting",
        one("!googleads=true!facebookpixel=wait"),
        "uuuu",
    ),
    Sample(
        "an advertiser that was refused, too", one("!googleads=true!facebookpixel=false!bingads=wait"), "uddd"
    ),
    Sample(
        "its services for Consent Mode",
        one(
            "!gcmadstorage=true!gcmadsuserdata=false!gcmanalyticsstorage=true!gcmpersonalization=wait!gcmsecurity=true"
        ),
        "ggdu",
    ),
    Sample(
        "Consent Mode's and its own, the stricter",
        one("!gcmadstorage=true!gcmadsuserdata=true!gcmpersonalization=true!googleads=false"),
        "uddd",
    ),
    Sample("other people's services", one("!youtube=true!matomo=true"), "uuuu"),
    Sample("no cookie: not answered", (), "uuuu"),
    Sample("escaped", one(quote("!gtag=true!facebookpixel=false", safe="")), "gddd"),
    Sample("the same twice", one("!gtag=true") + one("!gtag=true"), "guuu"),
    Sample("twice, and they differ", one("!gtag=true") + one("!gtag=false"), UNREADABLE),
    Sample("a service twice", one("!gtag=true!gtag=false"), UNREADABLE),
    Sample("cut off in a value", one("!gtag=true!facebookpixel=fal"), UNREADABLE),
    Sample("cut off in a key", one("!gtag=true!faceb"), UNREADABLE),
    Sample("no mark at the start", one("gtag=true"), UNREADABLE),
    Sample("an empty part", one("!gtag=true!"), UNREADABLE),
    Sample("a word that is none", one("!gtag=yes"), UNREADABLE),
)
def test_tarteaucitron(sample: Sample) -> None:
    """A service that waits was not answered; a signal needs every service that stands for it."""
    check("tarteaucitron", sample)
