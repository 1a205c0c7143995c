"""What happens to several replicas on one database, and what must be so afterwards. No tests."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from sqlalchemy import text

from bridge.demo import law
from tests.flow.house import Said
from tests.flow.wreck import Wreck

ORIGINS = ("slack", "mastodon")


async def calm(wreck: Wreck) -> None:
    """Nothing is under way, and nothing that was said before counts."""
    await law.settled(wreck.town, wreck.store, 60)  # type: ignore[arg-type]
    wreck.said.clear()


async def talk(wreck: Wreck, posts: int, origins: Sequence[str] = ORIGINS) -> list[Said]:
    return [await wreck.say(origins[n % len(origins)], f"talk {n}") for n in range(posts)]


def check_order(wreck: Wreck, said: Sequence[Said]) -> None:
    """Each destination has each origin's posts in the order in which they were said."""
    for to, marks in wreck.marks().items():
        rank = {mark: n for n, mark in enumerate(marks)}
        for origin in {each.account for each in said}:
            expected = [each.mark for each in said if each.account == origin and to in each.to]
            late = [mark for mark, follower in itertools.pairwise(expected) if rank[mark] > rank[follower]]
            assert not late, f"{origin} at {to}: {late} of {len(expected)}"


def worst_gap(wreck: Wreck, said: Sequence[Said]) -> dict[str, float]:
    """The longest pause between two copies at each destination, in seconds: a number to look at, never asserted."""
    marks, found = {each.mark for each in said}, {}
    for to in wreck.destinations:
        here = [each for each in wreck.sandbox(to.account).standing() if each.by_bridge and each.place == to.place.id]
        times = sorted(each.at for each in here if each.reader in (to.reader, None) and any(mark in each.text for mark in marks))
        found[str(to)] = round(max((late - early for early, late in itertools.pairwise(times)), default=0.0), 2)
    return found


def end_sessions(wreck: Wreck, like: str = "%") -> int:
    """Let PostgreSQL end the replicas' sessions whose name is like this; how many it ended."""
    ending = text(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE :like"
    )
    with wreck.engine.begin() as connection:
        found: int = connection.execute(ending, {"like": like}).scalar_one()
    return found


def owners(wreck: Wreck, kind: str) -> dict[str, str]:
    """Who owns which stream or duty."""
    with wreck.engine.connect() as connection:
        rows = connection.execute(text("SELECT account || place AS name, owner FROM lane WHERE kind = :kind"), {"kind": kind})
        return {row.name: row.owner for row in rows}
