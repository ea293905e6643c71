"""``python -m tests.aws_stand_in --engine ADDRESS --folder DIR``: serves until its standard input ends.

Prints one line of JSON when it is up: where it is, the address of its control, and the authority to trust.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path

import aiohttp
from aiohttp import web

from tests.aws_stand_in.certificates import make_certificates, server_context
from tests.aws_stand_in.configuration import Configuration
from tests.aws_stand_in.engine import Engine
from tests.aws_stand_in.names import certified
from tests.aws_stand_in.server import Account

LARGEST = 512 * 1024 * 1024


class StandIn:
    def __init__(self, session: aiohttp.ClientSession, engine: str, token: str) -> None:
        self._session = session
        self._address = engine
        self._token = token
        self._change(Configuration())

    def _change(self, configuration: Configuration) -> None:
        self._engine = Engine(self._session, self._address, self._token, configuration.account, configuration.region)
        self._account = Account(configuration, self._engine)

    async def aws(self, request: web.Request) -> web.Response:
        return await self._account.hear(request)

    async def configure(self, request: web.Request) -> web.Response:
        """Another account from here on, with nothing in it."""
        self._change(Configuration.of(await request.json()))
        return web.json_response({})

    async def requests(self, request: web.Request) -> web.Response:
        return web.json_response(self._account.record)

    async def clock(self, request: web.Request) -> web.Response:
        await self._engine.advance(float((await request.json())["seconds"]))
        return web.json_response({})


async def _serve(engine: str, token: str, folder: Path) -> None:
    made = make_certificates(folder, certified(Configuration().region))
    patient = aiohttp.ClientTimeout(total=None, connect=10)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=patient, connector=connector, auto_decompress=False) as session:
        stand_in = StandIn(session, engine, token)
        aws = web.Application(client_max_size=LARGEST)
        aws.router.add_route("*", "/{path:.*}", stand_in.aws)
        control = web.Application()
        control.router.add_post("/__stand_in/configure", stand_in.configure)
        control.router.add_get("/__stand_in/requests", stand_in.requests)
        control.router.add_post("/__stand_in/clock", stand_in.clock)
        port = await _listen(aws, server_context(made))
        private = await _listen(control, None)
        told = {"port": port, "control": f"http://127.0.0.1:{private}", "authority": str(made.authority)}
        print(json.dumps(told), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def _listen(application: web.Application, context: object) -> int:
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)  # type: ignore[arg-type]
    await site.start()
    address: tuple[str, int] = runner.addresses[0]
    return address[1]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", required=True)
    parser.add_argument("--token-file", type=Path, required=True)
    parser.add_argument("--folder", required=True, type=Path)
    given = parser.parse_args()
    asyncio.run(_serve(given.engine, given.token_file.read_text(), given.folder))


if __name__ == "__main__":
    main()
