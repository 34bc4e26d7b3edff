"""What one would write first: redis-py, one GET for the consent and one XADD per event. No privacy, no accounting."""

import asyncio
import sys

import orjson
import uvloop
from aiohttp import web
from redis.asyncio import Redis


async def serve(port: int, url: str) -> None:
    """Serve until killed."""
    redis: Redis = Redis.from_url(url)

    async def collect(request: web.Request) -> web.Response:
        event = orjson.loads(await request.read())
        consent = await redis.get("consent:" + request.cookies.get("_sayso", ""))
        await redis.xadd("naive", {"e": orjson.dumps(event), "c": consent or b""})
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/collect", collect)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2]))
