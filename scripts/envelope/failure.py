"""What can go wrong, one class per exit code; the texts say what happened and what to do.

No text ever holds plaintext, a data key or an access-key secret.
"""

from __future__ import annotations

from typing import ClassVar


class Failure(Exception):
    """Something a person can act on: what happened, and what to do."""

    exit_code: ClassVar[int] = 1

    def __init__(self, happened: str, advice: str) -> None:
        super().__init__(f"{happened} {advice}")
        self.happened = happened
        self.advice = advice


class WrongUse(Failure):
    """The command line, the environment or the credentials file cannot be meant this way."""

    exit_code = 2


class FileTrouble(Failure):
    """A file could not be read or written, or is in the way."""

    exit_code = 3


class KmsRefused(Failure):
    """The KMS answered, and its answer is no."""

    exit_code = 4


class KmsBusy(KmsRefused):
    """Not now: the same question may be answered in a moment."""


class KmsUnreachable(Failure):
    """There was no usable answer: refused connection, timeout, proxy, or something that is no KMS."""

    exit_code = 5


class KmsNotTrusted(Failure):
    """Whoever answers at the endpoint could not prove with a certificate that it is the KMS."""

    exit_code = 6


class NotAuthentic(Failure):
    """The file is not one of ours, or it is damaged, altered or cut short."""

    exit_code = 7
