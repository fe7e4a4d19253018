"""`python -m core verify-commitment`: is this the set that was committed before the truth was known?"""

import json
from pathlib import Path
from typing import Annotated

import typer

from core.blind import commitments
from core.commands import console
from core.safeload import plain


def verify(
    file: Annotated[
        Path, typer.Argument(help="Record of a commitment, as the page Challenges hands it out.")
    ],
    digest: Annotated[
        str, typer.Option(help="The digest that was noted when it was made, or its start.")
    ] = "",
) -> None:
    """Check a commitment's record against its digest; fails when the record was altered."""
    try:
        told = json.loads(file.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{file}: is not JSON ({plain(str(error))[:100]}); ask for the record again"
        ) from error
    if wrong := commitments.fault(told, digest):
        raise ValueError(f"{file}: {wrong}")
    console.say(f"{told.get('analyst', '')}: {len(told['rows'])} images, digest {told['digest']}: unaltered")
