"""Python's `websockets` against /push/echo and /api/ws: echo.py PORT TOKEN. Prints one JSON object
with what it saw; tests/stack/foreign.mjs judges it."""

import asyncio
import json
import sys

import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

PORT, TOKEN = sys.argv[1], sys.argv[2]
ECHO = f"ws://127.0.0.1:{PORT}/push/echo"
SIZES = [0, 1, 125, 126, 65535, 65536, 1 << 20]


async def echo(**options):
    """Everything comes back, whole and in fragments, beside a ping. Returns what was agreed on."""
    async with websockets.connect(ECHO, max_size=None, **options) as socket:
        for size in SIZES:
            for data in ["κ" * (size // 2), bytes(size)]:
                await socket.send(data)
                assert await socket.recv() == data, size
        await socket.send(["in ", "three ", "κόσμε"])
        assert await socket.recv() == "in three κόσμε"
        await asyncio.wait_for(await socket.ping(b"ping"), 5)
        return [[extension.name] for extension in socket.extensions]


async def close_code(frames):
    """What a server says to these."""
    async with websockets.connect(ECHO) as socket:
        try:
            await socket.send(frames)
            while True:
                await asyncio.wait_for(socket.recv(), 5)
        except websockets.ConnectionClosed:
            return socket.close_code


async def changes():
    """The first messages of /api/ws, up to the first change."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with websockets.connect(f"ws://127.0.0.1:{PORT}/api/ws", extra_headers=headers) as socket:
        seen = [json.loads(await socket.recv())["event"]]
        print("ready", flush=True)
        seen.append(json.loads(await socket.recv()))
        await socket.close(4000, "enough")
        return seen, socket.close_code


def deflate(**options):
    return {"compression": None, "extensions": [ClientPerMessageDeflateFactory(**options)]}


async def main():
    result = {
        "plain": await echo(compression=None),
        "deflate": await echo(),
        "no_takeover": await echo(
            **deflate(server_no_context_takeover=True, client_no_context_takeover=True)
        ),
        "small_windows": await echo(
            **deflate(server_max_window_bits=9, client_max_window_bits=9)
        ),
        "too_big": await close_code(bytes((16 << 20) + 1)),
        "changes": await changes(),
    }
    print(json.dumps(result), flush=True)


asyncio.run(main())
