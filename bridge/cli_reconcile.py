"""`viabridge reconcile`: what stands at the places, held against the ledger."""

from __future__ import annotations

import typer

from bridge.cli_options import HERE, AsJson, By, Url, act, show

app = typer.Typer(
    help="Hold what stands at the places against the ledger: what was missed, what stands twice.", no_args_is_help=True
)


@app.command("list")
def list_findings(url: Url = HERE, json: AsJson = False) -> None:
    """List what was found of late, and what was done about it."""
    show(url, "/api/looking-back", "findings", as_json=json)


@app.command()
def now(by: By = "", url: Url = HERE) -> None:
    """Look at every place now, a whole day back."""
    act(url, "/api/looking-back", {}, by)
