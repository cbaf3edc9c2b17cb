"""What the agent does before it joins a Daily room, in its network: prints the ICE configuration, and holds its relays.

On the command line are the ICE servers that Daily answers with, and Daily is a server of this program.
"""

import asyncio
import json
import sys

from aiohttp import web

import relay_probe
from daily_room.ice_config import ice_config

_ROOM_URL = "https://example.daily.co/room"


async def main() -> None:
    """Print the configuration, and hold the relays until the input ends."""
    relay_probe._HEAD_STARTS["tcp"] = 20.0  # a busy machine is slow; what answers has to be the same
    answer = {"iceConfig": {"iceServers": json.loads(sys.argv[1])}}
    daily = web.Application()
    daily.router.add_get("/rooms/ice/example/room", lambda _: asyncio.sleep(0, web.json_response(answer)))
    runner = web.AppRunner(daily)
    await runner.setup()
    await web.TCPSite(runner, "::1", 0).start()
    signaling_url = f"http://[::1]:{runner.addresses[0][1]}"
    async with ice_config(room_url=_ROOM_URL, renewed=lambda _: None, signaling_url=signaling_url) as config:
        print(json.dumps(config), flush=True)  # noqa: T201
        await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
