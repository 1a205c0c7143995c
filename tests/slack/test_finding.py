"""Whether a send in doubt stands: what shows nothing at all proves nothing, so that nothing is ever sent twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from adapters.slack.adapter import SlackAdapter
from adapters.slack.sandbox import SlackSandbox
from bridge.contract import Absent, Attempt, Fault, Found, Part, Thread, Unknown
from bridge.errors import Uncertain
from bridge.post import Destination, NativeId, Place, PlaceId, Ref
from tests.slack.desk import PART, TEAM, Box, Desk
from tests.slack.test_catching_up import first_contact, hearing

HERE = Place(TEAM, PlaceId("C0ALLHANDS1"))
HISTORY, REPLIES = "conversations.history", "conversations.replies"


@pytest.fixture
async def there(adapter: SlackAdapter) -> AsyncIterator[SlackAdapter]:
    """Signed in, and hearing nothing."""
    async with adapter.open():
        await adapter.pin("all-hands")
        await adapter.pin("dev-chatter")
        yield adapter


def attempt(thread: Thread | None = None, key: str = "k", part: Part = PART) -> Attempt:
    return Attempt(key, Destination(HERE), part, thread or Thread(), datetime.now(UTC))


async def blank(sandbox: SlackSandbox, *what: str) -> None:
    """Let these methods or channels show nothing of what stands."""
    await sandbox.with_server(lambda server: server.blank.update(what))


async def lose(desk: Desk, part: Part = PART, key: str = "k") -> None:
    """Send it, and lose the answer."""
    desk.sandbox.fault(Fault.REPLY_LOST)
    with pytest.raises(Uncertain):
        await desk.adapter.send(part, Destination(HERE), Thread(), key)


async def test_in_a_quiet_channel_that_shows_its_past_nothing_is_absent(there: SlackAdapter) -> None:
    assert await there.find(attempt()) == Absent()


async def test_empty_lists_prove_nothing_where_something_was_said(desk: Desk) -> None:
    await desk.sandbox.write("lynn", "hi")
    await desk.events(1)
    await blank(desk.sandbox, HISTORY, REPLIES)
    assert await desk.adapter.find(attempt()) == Unknown()
    assert await desk.adapter.find(attempt(Thread(root=Ref(HERE, NativeId("1700000000.000100"))))) == Unknown()


@pytest.mark.parametrize("is_known", [False, True])
async def test_where_nothing_was_ever_said_nothing_is_shown(sandbox: SlackSandbox, *, is_known: bool) -> None:
    """As in something less than Slack, just made: the first post ever must not be given up. Later the ledger knows more."""
    box = Box()
    await blank(sandbox, HISTORY)
    await first_contact(sandbox, box)
    box.ledger[HERE] = [NativeId("1700000000.000100")] if is_known else []
    async with hearing(sandbox, box) as adapter:
        assert await adapter.find(attempt()) == (Unknown() if is_known else Absent())
        await adapter.send(PART, Destination(HERE), Thread(), "another")
        assert await adapter.find(attempt()) == Unknown()


async def test_before_anybody_looked_empty_lists_prove_nothing(sandbox: SlackSandbox, there: SlackAdapter) -> None:
    await blank(sandbox, HISTORY)
    assert await there.find(attempt()) == Unknown()


async def test_an_empty_channel_is_believed_where_another_shows_something(sandbox: SlackSandbox, there: SlackAdapter) -> None:
    """As something less than Slack has it, where nobody ever joined."""
    await blank(sandbox, "C0ALLHANDS1")
    assert await there.find(attempt()) == Absent()
    await there.send(PART, Destination(HERE), Thread(), "another")
    assert await there.find(attempt()) == Unknown(), "what we sent stands there, and is not shown"


async def test_the_thread_of_a_deleted_message_holds_nothing(sandbox: SlackSandbox, there: SlackAdapter) -> None:
    root = await sandbox.write("lynn", "hi")
    inside = attempt(Thread(root=Ref(HERE, root)))
    assert await there.find(inside) == Absent()
    await sandbox.delete(root)
    assert await there.find(inside) == Absent()


async def test_what_slack_told_of_stands_whatever_its_history_shows(desk: Desk) -> None:
    await lose(desk)
    await desk.events(1)
    await blank(desk.sandbox, HISTORY)
    [standing] = desk.sandbox.standing()
    assert await desk.adapter.find(attempt()) == Found(Ref(HERE, standing.id))


async def test_the_same_words_said_before_are_no_proof(desk: Desk) -> None:
    """The first one was found; that it was told of must not be taken for the second, which never left."""
    await lose(desk, key="first")
    await desk.events(1)
    await blank(desk.sandbox, HISTORY)
    assert isinstance(await desk.adapter.find(attempt(key="first")), Found)
    assert await desk.adapter.find(attempt(key="second")) == Unknown()
    await desk.sandbox.with_server(lambda server: server.blank.clear())
    assert await desk.adapter.find(attempt(key="second")) == Absent()
