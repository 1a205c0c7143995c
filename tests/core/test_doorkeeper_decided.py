"""Who was decided about elsewhere is removed by the doorkeeper: soon, once, and whatever comes between."""

from __future__ import annotations

import pytest

from bridge.errors import NeedsOperator, Rejected, Retryable
from bridge.store import people
from bridge.store.people import Deed
from tests.core.test_doorkeeper import KARL, Kept, kept
from tests.core.worlds import ALL

__all__ = ["kept"]
pytestmark = pytest.mark.scenario("K06")


async def decided(kept: Kept) -> None:
    """Karl follows, and it was decided that he does no more."""
    kept.door.let_in(KARL)
    await kept.look()
    await kept.desk.write(lambda tx: people.wish(tx, ALL, KARL.user, Deed.REMOVE, "Chair (offboarded at team)"))


REMOVED = [("remove", "@karl@social.example", "Chair (offboarded at team)")]


async def test_they_are_removed_at_the_next_look_without_looking_through_everybody(kept: Kept) -> None:
    await decided(kept)
    await kept.look(10)
    await kept.look(10)
    assert (kept.door.deeds, kept.door.looked_through) == ([("remove", "12")], 1)
    assert await kept.log() == REMOVED


@pytest.mark.parametrize("done", [False, True])
async def test_where_the_server_is_away_or_its_answer_lost_it_is_done_later_and_logged_once(kept: Kept, done: bool) -> None:  # noqa: FBT001 - a table
    await decided(kept)
    kept.door.broken, kept.door.done_all_the_same = Retryable("The server is away."), done
    with pytest.raises(Retryable):
        await kept.look(10)
    kept.restart()
    kept.door.inside.setdefault(KARL.user, KARL)
    await kept.look(10)
    await kept.look(10)
    assert KARL.user not in kept.door.inside
    assert await kept.log() == REMOVED


async def test_where_a_human_must_mend_something_first_it_is_done_once_they_have(kept: Kept) -> None:
    await decided(kept)
    kept.door.broken = NeedsOperator("The token lacks a permission.")
    with pytest.raises(NeedsOperator):
        await kept.look(10)
    await kept.look(10)
    assert await kept.log() == REMOVED


async def test_where_the_server_can_not_do_it_the_admins_are_told_once_and_it_is_not_tried_for_ever(kept: Kept) -> None:
    await decided(kept)
    kept.door.broken = Rejected("The server has no way to remove followers.")
    for _ in range(3):
        await kept.look(10)
    assert kept.door.deeds == [("remove", "12")]
    said = "@karl@social.example should follow allhands no more, and still does: The server has no way to remove followers."
    assert await kept.alerts() == [said]
    assert await kept.log() == []
