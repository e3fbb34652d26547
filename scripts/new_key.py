"""``key-ledger create-key``: a CMK of one's own, to begin with."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from scripts.envelope import credentials
from scripts.envelope.commands import CaOption, CredentialsOption, EndpointOption
from scripts.envelope.terminal import failures_in_words


def create_key(
    *,
    description: Annotated[str, typer.Option("--description", "-d", metavar="TEXT", help="What it is for.")] = "",
    credentials_file: CredentialsOption = None,
    endpoint: EndpointOption = None,
    ca: CaOption = None,
) -> None:
    """Create a customer master key (CMK) in the HSM and print its id."""
    with failures_in_words():
        from scripts.envelope.kms import SdkKms  # noqa: PLC0415  # the SDK loads half a second, which --help need not cost

        print(SdkKms(credentials.find(credentials_file, endpoint, ca, os.environ)).new_key(description))
