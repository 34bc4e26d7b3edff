"""Reading a request's body: bounded in size, time and depth, and JSON or nothing."""

import asyncio

import orjson
from aiohttp import web

from proxy.gateway.answers import RefusedError
from proxy.gateway.server import MAX_BODY
from proxy.parse import MAX_DEPTH, too_deep
from proxy.reasons import Fault

_MEDIA = ("application/json", "text/plain")
_USUAL_MEDIA = frozenset({"application/json", "text/plain", "text/plain;charset=UTF-8"})
# An empty POST has the type that its client gives to empty bodies.
_TEXT_MEDIA = frozenset({"text/plain", "application/x-www-form-urlencoded", "application/octet-stream"})
_READ_S = 15.0


async def read_json(request: web.BaseRequest) -> object:
    """Read a JSON body.

    Raises:
        RefusedError: wrong media type, too large, too slow, too deep, or not JSON.
    """
    media = request.headers.get("Content-Type")
    # A beacon made of an untyped Blob has no type at all.
    if (
        media is not None
        and media not in _USUAL_MEDIA
        and media.split(";", 1)[0].strip().lower() not in _MEDIA
    ):
        raise RefusedError(Fault.MEDIA_TYPE, "send application/json or text/plain")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise RefusedError(Fault.MEDIA_TYPE, "send the body without Content-Encoding")
    raw = await _read(request)
    try:
        value: object = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if "depth" in str(error) or "ecursion" in str(error):  # as one version of orjson says it, and another
            raise RefusedError(Fault.TOO_DEEP, f"at most {MAX_DEPTH} levels") from None
        raise RefusedError(Fault.MALFORMED, "the body is not JSON") from None
    # Only a body with that many brackets can be too deep at all; counting them costs next to nothing.
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and too_deep(value):
        raise RefusedError(Fault.TOO_DEEP, f"at most {MAX_DEPTH} levels")
    return value


async def read_text(request: web.BaseRequest) -> str:
    """Read a body of plain text, which may be empty; what is no UTF-8 is replaced.

    Raises:
        RefusedError: wrong media type, too large or too slow.
    """
    media = request.headers.get("Content-Type")
    if media is not None and media.split(";", 1)[0].strip().lower() not in _TEXT_MEDIA:
        raise RefusedError(Fault.MEDIA_TYPE, "send text/plain")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise RefusedError(Fault.MEDIA_TYPE, "send the body without Content-Encoding")
    return (await _read(request)).decode("utf-8", "replace")


def _bounded(raw: bytes) -> bytes:
    if len(raw) > MAX_BODY:
        raise web.HTTPRequestEntityTooLarge(MAX_BODY)
    return raw


async def _read(request: web.BaseRequest) -> bytes:
    try:
        content = request.content
        if content.is_eof():  # it came with its headers, as nearly all do: there is nothing to wait for
            return _bounded(content.read_nowait())
        async with asyncio.timeout(_READ_S):
            if request.headers.get("Expect", "").lower() == "100-continue":
                await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise RefusedError(Fault.TOO_LARGE, "a body has at most 64 KiB", {"Connection": "close"}) from None
    except TimeoutError:
        raise RefusedError(
            Fault.MALFORMED, "the body did not arrive in time", {"Connection": "close"}
        ) from None
    except (web.RequestPayloadError, ConnectionError):
        raise RefusedError(Fault.MALFORMED, "the body broke off") from None
