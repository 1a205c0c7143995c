"""Who is really mentioned in a copy: people whom the file knows at both ends, where the group lets them be called."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from bridge.contract import Adapter
from bridge.engine import Account, Engine
from bridge.errors import Retryable
from bridge.mentioning import Mentions
from bridge.post import AccountId, Destination, EventKind, UserId
from bridge.store.values import Job
from bridge.text import Bold, List, Mention, Paragraph, Str, mentioned
from tests.core.desk import Desk
from tests.core.worlds import ALL, CHANNEL, TEAM, TIMELINE, group, post, world


class Directory:
    """An adapter that knows people by handle; without them it can't be asked."""

    def __init__(self, **known: str) -> None:
        self.known, self.asked = known, 0

    async def look_up(self, handle: str) -> UserId | None:
        self.asked += 1
        if not self.known:
            raise Retryable
        return UserId(self.known[handle]) if handle in self.known else None


TEXT = (
    Paragraph((Str("ask "), Bold((Mention("11", "MissLynn13"),)))),
    List(((Paragraph((Mention("12", "karl"), Mention("77", "nobody"))),),)),
)
LYNN_THERE = {"lynn@example.org": "U1"}
LYNN_HERE = {"@misslynn13@social.example": "11"}


def accounts(here: dict[str, str], there: dict[str, str]) -> dict[AccountId, Account]:
    made = {each: Account(each, cast(Adapter, Directory(**known))) for each, known in ((ALL, here), (TEAM, there))}
    for account in made.values():
        account.opened.set()
    return made


async def found(desk: Desk, known: dict[AccountId, Account], **changes: Any) -> dict[str, UserId]:
    of = world(replace(group(), **changes))
    job: Any = type("Job", (), {"post": post(TEXT, TIMELINE), "group": "all-hands", "kind": EventKind.CREATED})()
    mentions = Mentions(desk.store, Engine(known), lambda: of)
    return dict(await mentions.of(cast(Job, job), Destination(CHANNEL)))


def test_every_mention_is_found_wherever_it_stands() -> None:
    assert mentioned(TEXT) == {"11", "12", "77"}


@pytest.mark.scenario("G04")
async def test_a_linked_person_is_mentioned_where_the_group_lets_them_be_called(desk: Desk) -> None:
    assert await found(desk, accounts(LYNN_HERE, LYNN_THERE), mentions="people") == {"11": "U1"}


@pytest.mark.scenario("G04")
async def test_otherwise_nobody_is_and_nobody_is_asked(desk: Desk) -> None:
    known = accounts(LYNN_HERE, LYNN_THERE)
    assert await found(desk, known) == {}
    assert [cast(Any, account.adapter).asked for account in known.values()] == [0, 0]


async def test_who_was_found_once_is_remembered(desk: Desk) -> None:
    await found(desk, accounts(LYNN_HERE, LYNN_THERE), mentions="people")
    assert await found(desk, accounts({}, {}), mentions="people") == {"11": "U1"}


async def test_who_cannot_be_looked_up_now_is_only_named(desk: Desk) -> None:
    assert await found(desk, accounts({}, LYNN_THERE), mentions="people") == {}
    assert await found(desk, accounts(LYNN_HERE, {}), mentions="people") == {}
