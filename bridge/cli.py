"""The command line. Imports nothing heavy before a command needs it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bridge import __version__, cli_keeping, cli_loops, cli_people, cli_reconcile, cli_undelivered
from bridge.cli_options import DATABASE, HERE, AsJson, By, Database, Url, act, show
from bridge.errors import ConfigError

EXIT_CONFIG = 78
"""The exit code for a configuration that can't be used (sysexits.h, EX_CONFIG)."""

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
followers = typer.Typer(help="Who follows a protected account, who asks to, and what was decided.")
app.add_typer(followers, name="followers")
app.add_typer(cli_undelivered.app, name="undelivered")
app.add_typer(cli_loops.app, name="loops")
cli_keeping.add_to(app)
app.add_typer(cli_reconcile.app, name="reconcile")
app.add_typer(cli_people.held, name="held")
app.add_typer(cli_people.readers, name="readers")
app.command()(cli_people.invite)

MappingsFile = Annotated[
    Path, typer.Option("--mappings", envvar="VIABRIDGE_MAPPINGS", help="The mapping file: who mirrors where.")
]
DoorOf = Annotated[str, typer.Argument(help="The account, as the mapping file names it.")]
Handle = Annotated[str, typer.Argument(help="Who: their @name@server, or their id there.")]
Message = Annotated[str, typer.Argument(help="The message: its link or id on any platform.")]
GroupOrPlace = Annotated[str, typer.Argument(help="A group, or a place as account/place.")]


@app.command()
def serve(
    mappings: MappingsFile = Path("mappings.yaml"),
    database: Database = DATABASE,
    host: Annotated[str, typer.Option(envvar="VIABRIDGE_HOST", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(envvar="VIABRIDGE_PORT", min=0, max=65535, help="The port to listen on; 0 takes a free one.")
    ] = 8080,
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Log lines as JSON.")] = False,
    no_waiting: Annotated[
        bool,
        typer.Option(
            "--no-waiting", envvar="VIABRIDGE_NO_WAITING", help="Send mail at once, without waiting for what may follow."
        ),
    ] = False,
) -> None:
    """Run the bridge until it is told to stop."""
    from bridge import main

    main.run(mappings, database, host, port, json_logs=json_logs, patient=not no_waiting)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="The mapping file.")] = Path("mappings.yaml"),
    offline: Annotated[bool, typer.Option("--offline", help="Check the file alone, without secrets or sign-in.")] = False,
) -> None:
    """Check the mapping file, then every account: tokens, permissions, gates. Nothing is sent."""
    import asyncio

    from bridge import main
    from bridge.contract import Level
    from bridge.errors import SendError

    loaded = main.load(file, need_secrets=not offline)
    typer.echo(f"{file}: {len(loaded.groups)} groups, {len(loaded.accounts)} accounts, {len(loaded.people)} people. All well.")
    if offline:
        return
    failed = False
    for account, finding in asyncio.run(main.check_accounts(loaded)):
        if isinstance(finding, SendError):
            failed = True
            typer.echo(f"✗ {account}: {finding.sentence}")
        else:
            failed = failed or finding.level is Level.ERROR
            mark = {Level.OK: "✓", Level.WARNING: "!", Level.ERROR: "✗"}[finding.level]
            typer.echo(f"{mark} {account}: {finding.what}" + (f"\n    {finding.cure}" if finding.cure else ""))
    raise typer.Exit(1 if failed else 0)


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Play a scripted conversation, print what arrived, and end.")] = False,
    json: Annotated[bool, typer.Option("--json", help="With --once: print JSON.")] = False,
    host: Annotated[str, typer.Option(help="The address of the page.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The page's port; 0 takes a free one.")] = 8090,
) -> None:
    """Try it: the bridge with three small local servers and a page of three columns."""
    from bridge.demo import run

    raise typer.Exit(run.once(as_json=json) if once else run.page(host, port))


@followers.callback(invoke_without_command=True)
def at_the_door(context: typer.Context, url: Url = HERE, json: AsJson = False) -> None:
    """Who follows a protected account, who asks to, and what was decided; the list unless told otherwise."""
    if context.invoked_subcommand is None:
        list_followers(url, json)
        return
    sources = map(context.get_parameter_source, ("url", "json"))
    if any(source is not None and source.name == "COMMANDLINE" for source in sources):
        raise typer.BadParameter(f"write --url and --json after `{context.invoked_subcommand}`")


@followers.command("list")
def list_followers(url: Url = HERE, json: AsJson = False) -> None:
    """List who asks to follow and who follows, with what there is to decide."""
    show(url, "/api/followers", "followers", as_json=json)


@followers.command()
def approve(account: DoorOf, handle: Handle, by: By = "", url: Url = HERE) -> None:
    """Let somebody follow who asks to."""
    _decide(url, account, handle, "approve", by)


@followers.command()
def reject(account: DoorOf, handle: Handle, by: By = "", url: Url = HERE) -> None:
    """Turn a request down."""
    _decide(url, account, handle, "reject", by)


@followers.command()
def remove(account: DoorOf, handle: Handle, by: By = "", url: Url = HERE) -> None:
    """Let somebody follow no more."""
    _decide(url, account, handle, "remove", by)


@followers.command()
def audit(url: Url = HERE, json: AsJson = False) -> None:
    """List what was decided, when, and by whom; newest first."""
    show(url, "/api/followers/audit", "decisions", as_json=json)


@app.command()
def why(ref: Message, url: Url = HERE, json: AsJson = False) -> None:
    """Tell where a message went, and if not, why: rule by rule, route by route."""
    from urllib.parse import quote

    show(url, f"/api/why?ref={quote(ref, safe='')}", "why", as_json=json)


@app.command()
def who(group: Annotated[str, typer.Argument(help="The group; all of them unless given.")] = "", url: Url = HERE) -> None:
    """Tell who reads, by count and kind."""
    _ask(url, f"who {group}")


@app.command()
def recall(
    ref: Message,
    note: Annotated[bool, typer.Option("--note", help="Write to whom it can't be taken back from, once.")] = False,
    by: By = "",
    url: Url = HERE,
) -> None:
    """Take a message's copies back wherever that is possible; its original stays."""
    _ask(url, f"recall {ref}{' note' if note else ''}", by)


@app.command()
def ping(group: Annotated[str, typer.Argument(help="The group; everything unless given.")] = "all", url: Url = HERE) -> None:
    """Ask every place to answer, and tell how fast it does."""
    _ask(url, f"ping {group}")


@app.command()
def pause(what: GroupOrPlace, by: By = "", url: Url = HERE) -> None:
    """Let nothing leave for a group or place until it is resumed. What waits is kept, in order."""
    _ask(url, f"pause {what}", by)


@app.command()
def resume(what: GroupOrPlace, by: By = "", url: Url = HERE) -> None:
    """Let what waited for a paused group or place go out."""
    _ask(url, f"resume {what}", by)


@app.command("audit")
def commands_audit(url: Url = HERE, json: AsJson = False) -> None:
    """List what was asked of the bridge, by whom, from where, and how it ended; newest first."""
    show(url, "/api/commands", "commands", as_json=json)


@app.command()
def missed(url: Url = HERE, json: AsJson = False) -> None:
    """List what was heard too late to be copied, with who wrote it, where, and when it was written."""
    show(url, "/api/missed", "missed", as_json=json)


def _ask(url: str, words: str, by: str = "") -> None:
    """Let the running service carry out what is asked; exit code 1 where it did not."""
    import getpass

    from bridge import calling, listings

    try:
        answer = calling.ask(url, "/api/commands", {"words": words.strip(), "by": by or getpass.getuser()})
    except calling.Refused as error:
        typer.echo(f"✗ {error.sentence}", err=True)
        raise typer.Exit(1) from error
    typer.echo("\n".join(listings.said(answer)))
    raise typer.Exit(0 if answer["outcome"] == "done" else 1)


def _decide(url: str, account: str, handle: str, deed: str, by: str) -> None:
    act(url, "/api/followers", {"account": account, "handle": handle, "deed": deed}, by)


@app.command()
def schema() -> None:
    """Print the mapping file's JSON schema, for editors."""
    from bridge.mappings import reference

    typer.echo(reference.schema())


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """The `viabridge` command."""
    try:
        app()
    except ConfigError as error:
        typer.echo(str(error), err=True)
        sys.exit(EXIT_CONFIG)


if __name__ == "__main__":
    main()
