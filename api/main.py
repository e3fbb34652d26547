"""One worker process: ``python -m api.main --fd N`` serves the listening socket that ``up`` opened.

Without ``--fd`` it listens itself, on the host and port of the settings: N machines behind a TCP balancer.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import socket
import ssl
import sys

import uvicorn
import uvloop

from adapters.heartbeat import keep_beating
from adapters.logging import set_up_logging
from adapters.set_up import SetUpRefused
from adapters.settings import Settings, SettingsError, read_settings
from api.app import Application
from api.assembly import assembled
from api.connection import Connection

KEEP_ALIVE_SECONDS = 75


async def serve(settings: Settings, listening: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are answered first."""
    # What a request makes goes by reference counts: the collector need not look after every few of them.
    gc.set_threshold(50_000, 20, 20)
    async with assembled(settings) as (dispatcher, checks):
        _settle_memory()
        server = uvicorn.Server(_configuration(settings, Application(dispatcher, checks)))
        beating = asyncio.create_task(keep_beating())
        try:
            await server.serve(sockets=[listening])
        finally:
            beating.cancel()


def _settle_memory() -> None:
    """What was made to start lives as long as the process: the collector need not look at it again."""
    gc.collect()
    gc.freeze()


def _configuration(settings: Settings, application: object) -> uvicorn.Config:
    tls = not settings.http
    configuration = uvicorn.Config(
        application,  # type: ignore[arg-type]  # an ASGI application with our own names of its types
        loop="uvloop",
        http=Connection,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=10,
        ssl_certfile=settings.tls_certificate if tls else None,
        ssl_keyfile=settings.tls_key if tls else None,
        # Who asks is written into the ledger: no header may say otherwise.
        proxy_headers=False,
    )
    configuration.load()
    if configuration.ssl is not None:
        configuration.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    return configuration


def _listening(settings: Settings, descriptor: int | None) -> socket.socket:
    if descriptor is not None:
        return socket.socket(fileno=descriptor)
    return socket.create_server((settings.host, settings.port), backlog=2_048, reuse_port=True)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--fd", type=int, help="a listening socket that was opened for this process")
    descriptor = arguments.parse_args().fd
    try:
        settings = read_settings()
        set_up_logging(settings.log_level)
        uvloop.run(serve(settings, _listening(settings, descriptor)))
    except (SettingsError, SetUpRefused) as refused:
        sys.exit(str(refused))
    except OSError as error:
        sys.exit(f"Cannot listen on {settings.host} port {settings.port}: {error.strerror}. Choose another port.")


if __name__ == "__main__":
    main()
