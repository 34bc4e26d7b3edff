"""The yardstick: an aiohttp handler that reads and parses the same JSON and answers 204. Does nothing else."""

import asyncio
import sys

import orjson
import uvloop
from aiohttp import web


async def collect(request: web.Request) -> web.Response:
    """Parse and answer."""
    orjson.loads(await request.read())
    return web.Response(status=204)


async def serve(port: int) -> None:
    """Serve until killed."""
    app = web.Application()
    app.router.add_post("/collect", collect)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
