"""Joining by mail, invitations, and who left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bridge import joining
from bridge.joining import NotAsking, NotInvited
from bridge.post import Destination, UserId, Wished
from bridge.reasons import Reason
from bridge.rhythm import NOTHING_CHOSEN
from bridge.routing import World
from bridge.store import choices, people
from bridge.store.tables import DeliveryState
from tests.core.asking import NEW, answer, ask, look, told, wish
from tests.core.desk import Desk
from tests.core.letters import CHAIR, LEES, NOON, Letters, outcomes, reads, said, serve
from tests.core.worlds import LEE, MAILS, READERS, entry, group, world


@pytest.fixture
def each(desk: Desk) -> Desk:
    desk.world, desk.now = reads(), NOON
    return desk


# ---------------------------------------------------------------- joining


def joinable(how: str) -> World:
    places = (entry("team/all-hands"), entry("mail/all-hands", readers=READERS, join=how))
    return replace(world(group(*places)), patient=True)


async def posted(desk: Desk, words: str) -> Sequence[str]:
    """What the new reader gets of a post."""
    await desk.hear(said(desk, words))
    desk.now += 60
    return await serve(desk, Letters(), NEW)


@pytest.mark.scenario("K05")
async def test_an_open_place_is_joined_by_confirming_and_shows_nothing_of_before(each: Desk) -> None:
    each.world = joinable("open")
    await ask(each, wish(Wished.JOIN, NEW))
    assert await posted(each, "before") == []
    [words] = await told(each, NEW)
    assert "just answer this message: the posts come to you" in words
    await answer(each, NEW)
    assert await posted(each, "after") == ["after"]
    [words] = await told(each, NEW)
    assert "From now on you read “All-Hands”" in words


async def test_where_an_admin_decides_nothing_comes_before_they_did(each: Desk) -> None:
    each.world = joinable("ask")
    await ask(each, wish(Wished.JOIN, NEW))
    await told(each, NEW)
    await answer(each, NEW)
    assert await posted(each, "not yet") == []
    [name] = await each.read(lambda tx: joining.waiting(tx, NEW))
    await each.write(lambda tx: joining.decide(tx, name, each.world, each.now, by="lynn", no=False))
    await look(each)
    assert await posted(each, "now") == ["now"]
    assert [(each_.what, each_.handle, each_.by) for each_ in await each.read(people.decisions)] == [("reads", NEW, "lynn")]


async def test_who_is_turned_down_is_told_and_gets_nothing(each: Desk) -> None:
    each.world = joinable("ask")
    await ask(each, wish(Wished.JOIN, NEW))
    await told(each, NEW)
    await answer(each, NEW)
    [name] = await each.read(lambda tx: joining.waiting(tx, NEW))
    await each.write(lambda tx: joining.decide(tx, name, each.world, each.now, by="lynn", no=True))
    await look(each)
    assert await posted(each, "hi") == []
    assert "can't be read by mail from your address" in (await told(each, NEW))[-1]
    with pytest.raises(NotAsking):
        await each.write(lambda tx: joining.decide(tx, name, each.world, each.now, by="lynn", no=False))


async def test_a_closed_place_is_not_joined_and_a_request_is_answered_once_a_day(each: Desk) -> None:
    await ask(each, wish(Wished.JOIN, NEW), wish(Wished.JOIN, NEW))
    [words] = await told(each, NEW)
    assert "can't be joined by mail" in words


async def test_who_joined_may_answer_and_reads_no_more_once_the_file_closes_the_place(each: Desk) -> None:
    each.world = joinable("open")
    await ask(each, wish(Wished.JOIN, NEW))
    await told(each, NEW)
    await answer(each, NEW)
    author = replace(LEE, user=UserId(NEW), name="New", handles=(NEW,))
    await each.hear(said(each, "may I?", author=author, place=MAILS, gated=False))
    each.now += 60
    assert await serve(each, Letters(), CHAIR) == ["may I?"]
    await each.hear(said(each, "waiting"))
    each.world = replace(joinable("closed"), joined=each.world.joined)
    each.now += 60
    assert await serve(each, Letters(), NEW) == []
    assert (await outcomes(each, NEW))[-1] == ("created", DeliveryState.FILTERED, Reason.NO_LONGER_MAPPED)


async def test_somebody_elses_answer_confirms_nothing(each: Desk) -> None:
    each.world = joinable("open")
    await ask(each, wish(Wished.JOIN, NEW))
    await told(each, NEW)
    await answer(each, NEW, by=LEES)
    assert await posted(each, "hi") == []


# ---------------------------------------------------------------- who left


@pytest.mark.scenario("K05")
async def test_who_left_gets_nothing_more_and_returns_only_by_an_invitation_they_accept(each: Desk) -> None:
    await each.hear(said(each, "one"))
    await ask(each, wish(Wished.LEAVE))
    each.now += 60
    assert await serve(each, Letters(), CHAIR) == []
    await ask(each, wish(Wished.EACH), wish(Wished.RESUME))
    await ask(each, wish(Wished.JOIN))
    await each.hear(said(each, "two"))
    each.now += 60
    assert await serve(each, Letters(), CHAIR) == []
    await told(each, CHAIR)
    await each.write(lambda tx: joining.invite(tx, "all-hands", "chair", each.world, each.now, "lynn"))
    [words] = await told(each, CHAIR)
    assert "An admin invites you" in words
    await look(each)
    await each.hear(said(each, "three"))
    each.now += 60
    assert await serve(each, Letters(), CHAIR) == []
    await answer(each, CHAIR)
    await each.hear(said(each, "four"))
    each.now += 60
    assert await serve(each, Letters(), CHAIR) == ["four"]


@pytest.mark.parametrize(
    ("group_id", "whom", "says"),
    [
        ("nobody", NEW, "There is no group nobody"),
        ("all-hands", "chair", "reads all-hands already"),
        ("all-hands", NEW, "add them to its `readers`"),
        ("all-hands", "karl", "neither an address nor a person"),
    ],
)
async def test_an_invitation_that_can_not_be_says_why_and_what_to_do(each: Desk, group_id: str, whom: str, says: str) -> None:
    with pytest.raises(NotInvited, match=says):
        await each.write(lambda tx: joining.invite(tx, group_id, whom, each.world, each.now, "lynn"))


async def test_anybody_can_be_invited_where_the_file_lets_people_join(each: Desk) -> None:
    each.world = joinable("ask")
    await each.write(lambda tx: joining.invite(tx, "all-hands", NEW.upper(), each.world, each.now, "lynn"))
    assert await posted(each, "not yet") == []
    await told(each, NEW)
    await answer(each, NEW)
    assert await posted(each, "now") == ["now"]


async def test_what_a_reader_chose_is_theirs_alone(each: Desk) -> None:
    await ask(each, wish(Wished.ANNOUNCEMENTS))
    assert await each.read(lambda tx: choices.of(tx, Destination(MAILS, LEES))) == NOTHING_CHOSEN
