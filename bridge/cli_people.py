"""`viabridge held`, `viabridge readers` and `viabridge invite`: what waits for a human, and who reads by mail."""

from __future__ import annotations

from typing import Annotated

import typer

from bridge.cli_options import HERE, AsJson, By, Url, act, show

held = typer.Typer(help="What is held: kept for a human, who decides whether it goes its way.")
readers = typer.Typer(help="Who reads by mail, and what is decided about them.")

Address = Annotated[str, typer.Argument(help="Their address.")]
HeldName = Annotated[str, typer.Argument(help="What it is called in the list.")]


@held.callback(invoke_without_command=True)
def what_is_held(context: typer.Context, url: Url = HERE, json: AsJson = False) -> None:
    """What is held: kept for a human, with who wrote it, where, when and why; and who was offboarded."""
    if context.invoked_subcommand is None:
        show(url, "/api/held", "held", as_json=json)


@held.command("approve")
def approve_held(name: HeldName, by: By = "", url: Url = HERE) -> None:
    """Let something held go where it would have gone; or remove who was offboarded."""
    act(url, "/api/held", {"id": name, "deed": "approve"}, by)


@held.command("discard")
def discard_held(name: HeldName, by: By = "", url: Url = HERE) -> None:
    """Let something held go nowhere, its text is forgotten; or leave who was offboarded where they are."""
    act(url, "/api/held", {"id": name, "deed": "discard"}, by)


@readers.callback(invoke_without_command=True)
def how_readers_stand(context: typer.Context, url: Url = HERE, json: AsJson = False) -> None:
    """Who reads what and how often; who left, is spared, or waits to read along; the list unless told otherwise."""
    if context.invoked_subcommand is None:
        show(url, "/api/readers", "readers", as_json=json)


@readers.command("return")
def return_reader(address: Address, by: By = "", url: Url = HERE) -> None:
    """Let a reader who is spared, because their mail came back, get posts again."""
    _decide(url, address, "return", by)


@readers.command("approve")
def approve_reader(address: Address, by: By = "", url: Url = HERE) -> None:
    """Let somebody read along who asked to, and confirmed their address."""
    _decide(url, address, "approve", by)


@readers.command("reject")
def reject_reader(address: Address, by: By = "", url: Url = HERE) -> None:
    """Turn somebody down who asked to read along."""
    _decide(url, address, "reject", by)


def _decide(url: str, address: str, deed: str, by: str) -> None:
    act(url, "/api/readers", {"address": address, "deed": deed}, by)


def invite(
    group: Annotated[str, typer.Argument(help="The group, as the mapping file names it.")],
    whom: Annotated[str, typer.Argument(help="Their address, or who they are under `people`.")],
    by: By = "",
    url: Url = HERE,
) -> None:
    """Ask somebody by mail whether they want to read a group: also a reader who left. They do once they answer."""
    act(url, "/api/readers/invite", {"group": group, "whom": whom}, by)
