"""Keeping what brought a visitor, beside their consent record; see ``proxy.attribution``."""

from functools import lru_cache
from typing import Final

from proxy.attribution import News, ids_of, network_of
from proxy.store.client import Store, script
from proxy.store.keys import attribution_key, consent_key
from proxy.store.wire import Arg

_KEEP: Final = script("attribution")


async def keep(store: Store, site: str, visitor: str, news: News) -> None:
    """Keep it, as far as the record grants it at this moment: in one step, so that no withdrawal is overtaken.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    touch = news.touch
    args: list[Arg] = [news.oldest_ms]
    if touch is None:
        args += ["", "", "", "", "", 0]
    else:
        args += [news.at, touch.source, touch.medium, touch.campaign, news.host, news.touch_life_ms]
    for name, click in news.clicks.items():
        args += (name, click.at, click.value, news.clicks_life_ms, _ids(network_of(name)))
    await store.run(_KEEP, [consent_key(site, visitor), attribution_key(site, visitor)], args)


@lru_cache
def _ids(network: str) -> str:
    return f",{','.join(ids_of(network))},"
