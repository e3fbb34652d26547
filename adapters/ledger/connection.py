"""Connections to the ledger's database, made to notice a dead peer."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import Any, Final

import psycopg

OPTIONS: Final[dict[str, Any]] = {
    "connect_timeout": "5",
    # A half-open connection after a failover must not look alive for hours.
    "keepalives": "1",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}


async def connect(database_url: str, application_name: str) -> psycopg.AsyncConnection[Any]:
    """An autocommit connection: each statement is its own transaction."""
    return await psycopg.AsyncConnection.connect(
        database_url, autocommit=True, application_name=application_name, **OPTIONS
    )


def hang_up(connection: psycopg.AsyncConnection[Any]) -> None:
    """Make whoever waits for an answer on this connection see its end, as an OperationalError.

    Cancelling instead would ask a server that hangs to cancel the statement, and wait ten seconds for its answer.
    """
    with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as peer:
        peer.shutdown(socket.SHUT_RDWR)
