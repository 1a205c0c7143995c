"""`viabridge held` and `viabridge readers`: what waits for a human, and readers who get nothing for now."""

from __future__ import annotations

from typing import Annotated

import typer

from bridge.cli_options import HERE, AsJson, By, Url, act, show

held = typer.Typer(help="What is held: kept for a human, who decides whether it goes its way.")
readers = typer.Typer(help="Readers who left, or whose mail comes back.")

HeldName = Annotated[str, typer.Argument(help="What it is called in the list.")]


@held.callback(invoke_without_command=True)
def what_is_held(context: typer.Context, url: Url = HERE, json: AsJson = False) -> None:
    """What is held: kept for a human, with who wrote it, where, when and why; the list unless told otherwise."""
    if context.invoked_subcommand is None:
        show(url, "/api/held", "held", as_json=json)


@held.command("approve")
def approve_held(name: HeldName, by: By = "", url: Url = HERE) -> None:
    """Let something held go where it would have gone."""
    act(url, "/api/held", {"id": name, "deed": "approve"}, by)


@held.command("discard")
def discard_held(name: HeldName, by: By = "", url: Url = HERE) -> None:
    """Let something held go nowhere; its text is forgotten."""
    act(url, "/api/held", {"id": name, "deed": "discard"}, by)


@readers.callback(invoke_without_command=True)
def how_readers_stand(context: typer.Context, url: Url = HERE, json: AsJson = False) -> None:
    """Readers who left, or whose mail comes back; the list unless told otherwise."""
    if context.invoked_subcommand is None:
        show(url, "/api/readers", "readers", as_json=json)


@readers.command("return")
def return_reader(address: Annotated[str, typer.Argument(help="Their address.")], by: By = "", url: Url = HERE) -> None:
    """Let a reader who left, or is spared, get posts again."""
    act(url, "/api/readers", {"address": address}, by)
