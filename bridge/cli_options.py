"""What the commands share: options, and asking the running service. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, NoReturn

import typer

HERE = "http://127.0.0.1:8080"

Url = Annotated[str, typer.Option(envvar="VIABRIDGE_URL", help="Where the running service is.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Database = Annotated[
    str,
    typer.Option(
        envvar="VIABRIDGE_DATABASE", help="sqlite:///FILE, or postgresql+psycopg://USER@HOST/NAME for several machines."
    ),
]
DATABASE = "sqlite:///viabridge.db"
By = Annotated[str, typer.Option("--as", help="Who decides, for the audit log; the user of this terminal unless given.")]


def show(url: str, path: str, listing: str, *, as_json: bool) -> None:
    """Print what the running service answers."""
    import json

    from bridge import calling, listings

    try:
        answer = calling.ask(url, path)
    except calling.Refused as error:
        refuse(error.sentence)
    typer.echo(json.dumps(answer, indent=2) if as_json else "\n".join(getattr(listings, listing)(answer)))


def act(url: str, path: str, wanted: Mapping[str, object], by: str) -> None:
    """Let the running service do something, and print what came of it."""
    import getpass

    from bridge import calling

    try:
        typer.echo(calling.ask(url, path, {**wanted, "by": by or getpass.getuser()})["done"])
    except calling.Refused as error:
        refuse(error.sentence)


def refuse(sentence: str) -> NoReturn:
    """Say why not, and end."""
    typer.echo(f"✗ {sentence}", err=True)
    raise typer.Exit(1)
