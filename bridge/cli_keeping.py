"""Commands about what is kept: erase a person, back up, restore, migrate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli_options import DATABASE, HERE, AsJson, By, Database, Url, refuse


def add_to(app: typer.Typer) -> None:
    """Make these commands of the program's own."""
    for command in (erase, backup, restore, migrate, vacuum):
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


BackupFile = Annotated[Path, typer.Argument(help="The backup.", dir_okay=False)]


def backup(file: BackupFile, database: Database = DATABASE) -> None:
    """Write everything the bridge knows into one new file, while it runs or not. It holds what people wrote: guard it."""
    from bridge.store import saving

    rows = saving.back_up(database, file)
    typer.echo(f"{file}: {rows} rows.")


def restore(file: BackupFile, database: Database = DATABASE) -> None:
    """Fill a new database from a backup, of the same kind or another. What was brought since is looked for, not sent again."""
    import time

    from bridge.store import saving

    rows = saving.restore(file, database, time.time())
    typer.echo(f"{rows} rows restored. Start the bridge with the same --database.")


def migrate(database: Database = DATABASE) -> None:
    """Bring the database's tables up to date, as `serve` does at its start."""
    from bridge.store import saving

    typer.echo(f"The tables are at version {saving.migrate(database)}.")


def vacuum(database: Database = DATABASE) -> None:
    """Give back the room of what was forgotten. An SQLite file must not be in use meanwhile."""
    from bridge.store import saving

    saving.vacuum(database)
    typer.echo("Done.")
