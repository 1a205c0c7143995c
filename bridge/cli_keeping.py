"""Commands about what is kept: erase a person, back up, restore, migrate."""

from __future__ import annotations

from typing import Annotated

import typer

from bridge.cli_options import HERE, AsJson, By, Url, refuse


def add_to(app: typer.Typer) -> None:
    """Make these commands of the program's own."""
    for command in (erase,):
        app.command()(command)


def erase(
    who: Annotated[str, typer.Argument(help="A key of `people`, or ACCOUNT/HANDLE.")],
    yes: Annotated[bool, typer.Option("--yes", help="Really do it; without, it is only said what that would mean.")] = False,
    by: By = "",
    url: Url = HERE,
    json: AsJson = False,
) -> None:
    """Erase a person: remove copies of what they wrote, forget their texts; the report says what cannot be recalled."""
    import getpass
    import json as codec

    from bridge import calling, listings

    try:
        answer = calling.ask(url, "/api/erase", {"who": who, "really": yes, "by": by or getpass.getuser()})
    except calling.Refused as error:
        refuse(error.sentence)
    typer.echo(codec.dumps(answer, indent=2) if json else "\n".join(listings.erased(answer)))
