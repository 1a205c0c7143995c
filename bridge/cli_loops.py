"""`viabridge loops`: who was stopped because their posts went in circles, and what is to become of what waits."""

from __future__ import annotations

from typing import Annotated

import typer

from bridge.cli_options import HERE, AsJson, By, Url, act, show

app = typer.Typer(
    help="Whose posts wait because they went in circles: list them, let them go on, or give them up.", no_args_is_help=True
)

Number = Annotated[int, typer.Argument(help="The number that `list` shows.")]


@app.command("list")
def list_stopped(url: Url = HERE, json: AsJson = False) -> None:
    """List who is stopped, why, and how many copies wait."""
    show(url, "/api/loops", "stopped", as_json=json)


@app.command()
def resume(number: Number, by: By = "", url: Url = HERE) -> None:
    """Let them go on: what waited is delivered in its turn."""
    act(url, "/api/loops", {"deed": "resume", "number": number}, by)


@app.command()
def drop(number: Number, by: By = "", url: Url = HERE) -> None:
    """Give up what waited, and let them go on."""
    act(url, "/api/loops", {"deed": "drop", "number": number}, by)
