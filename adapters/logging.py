"""Structured logs: one JSON object a line on stderr, or colour where a person reads along.

Nothing secret is ever handed to a logger; and because somebody will forget that one day, fields whose names say that
they hold a secret are masked on their way out.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import orjson
import structlog

_SECRETS: Final = ("secret", "plaintext", "password", "pin", "token", "signature", "authorization")


def set_up_logging(level: str) -> None:
    """Once per process. ``level`` as the standard library names it."""
    person = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            mask_secrets,
            *_rendering(person),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries log through the standard library; only what needs attention is worth a line.
    logging.basicConfig(
        level=max(logging.WARNING, getattr(logging, level)), format="%(levelname)s %(name)s %(message)s"
    )


def mask_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in event:
        if any(secret in name.lower() for secret in _SECRETS):
            event[name] = "***"
    return event


def _rendering(person: bool) -> list[Any]:
    if person:
        return [structlog.dev.ConsoleRenderer()]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_dumps)]


def _dumps(event: object, **_: object) -> str:
    return orjson.dumps(event, default=str).decode()
