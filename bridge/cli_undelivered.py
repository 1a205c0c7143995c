"""`viabridge undelivered`: what was not delivered, and what is to become of it."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

import typer

from bridge.cli_options import HERE, AsJson, By, Url, act, refuse, show

app = typer.Typer(help="What was not delivered: list it, send it again, or give it up.", no_args_is_help=True)

Ids = Annotated[list[int] | None, typer.Argument(help="The numbers that `list` shows.")]
OfGroup = Annotated[str | None, typer.Option("--group", help="All of this group.")]
Everything = Annotated[bool, typer.Option("--all", help="All there are.")]


@app.command("list")
def list_undelivered(
    group: Annotated[str | None, typer.Option("--group", help="Only of this group.")] = None,
    after: Annotated[int, typer.Option(help="Only those with a higher number.")] = 0,
    most: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 200,
    url: Url = HERE,
    json: AsJson = False,
) -> None:
    """List what was not delivered, oldest first, with the reason."""
    asked = {"after": after, "most": most} | ({"group": group} if group is not None else {})
    show(url, f"/api/undelivered?{urlencode(asked)}", "undelivered", as_json=json)


@app.command("show")
def show_one(number: Annotated[int, typer.Argument(help="Its number.")], url: Url = HERE, json: AsJson = False) -> None:
    """Show all that is known of one."""
    show(url, f"/api/undelivered/{number}", "one_undelivered", as_json=json)


@app.command()
def replay(numbers: Ids = None, group: OfGroup = None, every: Everything = False, by: By = "", url: Url = HERE) -> None:
    """Send again: some by their numbers, a group's, or all. They are rendered anew, and stand in their threads."""
    _act("replay", numbers, group, every, by, url)


@app.command()
def drop(numbers: Ids = None, group: OfGroup = None, every: Everything = False, by: By = "", url: Url = HERE) -> None:
    """Give up for good: some by their numbers, a group's, or all."""
    _act("drop", numbers, group, every, by, url)


def _act(deed: str, numbers: list[int] | None, group: str | None, every: bool, by: str, url: str) -> None:  # noqa: FBT001
    if sum([bool(numbers), group is not None, every]) != 1:
        refuse("Say which: numbers, --group NAME, or --all; one of them.")
    act(url, "/api/undelivered", {"deed": deed, "ids": numbers or [], "group": group, "everything": every}, by)
