"""A one-shot client of the v1 protocol: dials every address at once, proves the key, gives one order, waits, leaves.

usage: v1_client.py COUNT PORT KEYFILE ACTION
"""

import asyncio
import json
import sys
from pathlib import Path

import websockets


def address(at):
    return f"127.{1 + at // 62500}.{at // 250 % 250}.{1 + at % 250}"


async def order(host, port, key, action):
    async with websockets.connect(f"ws://{host}:{port}", open_timeout=60) as socket:
        await socket.send(json.dumps({"type": "auth", "key": key}))
        if json.loads(await socket.recv())["status"] != "ok":
            return False
        await socket.send(json.dumps({"type": "command", "action": action}))
        return json.loads(await socket.recv())["status"] == "ok"


async def main():
    count, port, key_file, action = sys.argv[1:]
    key = Path(key_file).read_text().strip()
    orders = [order(address(at), port, key, action) for at in range(int(count))]
    done = await asyncio.gather(*orders, return_exceptions=True)
    failed = [each for each in done if each is not True]
    if failed:
        sys.exit(f"{len(failed)} of {len(done)} failed, the first: {failed[0]!r}")


asyncio.run(main())
