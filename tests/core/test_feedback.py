"""What authors are told of their own posts: who reads, what failed and what helps, what arrived; places that gain readers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from sqlalchemy import update

from bridge.bringing import Bringing
from bridge.contract import Bundler, Capabilities, Context, Limits, Part, Thread
from bridge.engine import Account, Engine
from bridge.errors import Rejected
from bridge.introducing import Introducer
from bridge.post import Destination, Mark, NativeId, Place, Post, Ref, UserId, aside
from bridge.store import ledger, sql
from bridge.store.tables import DeliveryState
from bridge.text import plain
from bridge.worker import Worker
from tests.core.desk import Desk
from tests.core.worlds import (
    CHANNEL,
    LYNN,
    MAILS,
    NOW,
    PINS,
    READERS,
    TEAM,
    TIMELINE,
    at,
    created,
    edited,
    entry,
    group,
    reader,
    world,
)

CHANGEABLE = Capabilities(edit=True, delete=True)
SHORT = Limits(characters=500)
LEE, CHAIR = "lee@gmail.example", "chair@board.example"
ASIDE = aside(CHANNEL, LYNN.user)


@dataclass
class Fake:
    """An adapter that refuses as often as it is told."""

    refusals: int = 0
    capabilities: Capabilities = CHANGEABLE
    limits: Limits = SHORT
    bundler: Bundler | None = None
    sent: list[str] = field(default_factory=list)

    def render(self, post: Post, destination: Destination, context: Context) -> tuple[Part, ...]:
        return (Part(plain(post.text)),)

    async def send(self, part: Part, destination: Destination, thread: Thread, key: str) -> Ref:
        if self.refusals:
            self.refusals -= 1
            raise Rejected("The server found it too long.")
        self.sent.append(part.body)
        return Ref(destination.place, NativeId(f"c{destination.reader}{len(self.sent)}"))


@pytest.fixture
def here(desk: Desk) -> Desk:
    confirming(desk, "failures")
    return desk


def confirming(desk: Desk, confirm: str) -> None:
    desk.world = replace(world(group(confirm=confirm)), asides=frozenset({TEAM}), sizes={TIMELINE: 30})


async def bring(desk: Desk, fake: Fake, place: Place, person: str = "") -> list[int]:
    claim = await desk.lane(place, person)
    assert claim.lane.destination is not None
    account = Account(claim.lane.account, fake)  # type: ignore[arg-type]
    account.opened.set()
    clock: Callable[[], float] = lambda: desk.now  # noqa: E731
    woken: list[int] = []
    engine = Engine({account.id: account}, now=clock, jitter=lambda: 0.0)
    worker = Worker(desk.store, engine, lambda: desk.world, lambda _: None, woken.extend)
    await Bringing(worker, account, claim, claim.lane.destination).bring(await desk.job(claim))
    return woken


async def told(desk: Desk, kind: str, place: Place = ASIDE) -> list[Post]:
    p = sql.post.c
    rows = await desk.rows(sql.post, p.place == place.id, p.person == (place.person or ""), p.native.like(f"notice:{kind}:%"))
    found = [await desk.read(lambda tx, row=row: ledger.body_of(tx, row.id)) for row in rows]  # type: ignore[misc]
    return [each for each in found if each]


async def replay(desk: Desk) -> None:
    d = sql.delivery.c
    again = (
        update(sql.delivery).where(d.state == DeliveryState.NOT_DELIVERED).values(state="waiting", generation=d.generation + 1)
    )
    await desk.write(lambda tx: tx.execute(again))
    await desk.write(lambda tx: tx.execute(sql.part.delete()))


@pytest.mark.scenario("L12")
async def test_a_failed_copy_is_told_to_the_author_alone_with_reason_and_cure(here: Desk) -> None:
    post = created("hi")
    await here.hear(post)
    assert await bring(here, Fake(refusals=1), TIMELINE)
    [failed] = await told(here, "failed")
    assert plain(failed.text).startswith(
        "⚠ This message did not get to allhands/timeline: The server found it too long. Change it"
    )
    assert (failed.mark, failed.reply_to) == (Mark.FAILED, post.ref)


@pytest.mark.scenario("L12")
async def test_a_mark_turns_when_a_replay_brought_it_there(here: Desk) -> None:
    await here.hear(created("hi"))
    await bring(here, Fake(refusals=1), TIMELINE)
    await bring(here, Fake(), MAILS, LEE)
    await bring(here, Fake(), MAILS, CHAIR)
    assert not await told(here, "handed")
    await replay(here)
    await bring(here, Fake(), TIMELINE)
    [handed] = await told(here, "handed")
    assert handed.mark is Mark.DONE
    assert plain(handed.text).startswith("✅ After all it was handed to allhands/timeline at ")


@pytest.mark.scenario("L12")
async def test_many_readers_that_fail_for_one_place_are_one_line(here: Desk) -> None:
    await here.hear(created("hi"))
    await bring(here, Fake(refusals=1), MAILS, LEE)
    await bring(here, Fake(refusals=1), MAILS, CHAIR)
    [failed] = await told(here, "failed")
    assert "gmail.example" in plain(failed.text)
    assert LEE not in plain(failed.text)


async def test_a_failed_change_is_told_as_that(here: Desk) -> None:
    post = created("hi")
    await here.hear(post)
    await here.deliver(MAILS, "m1", LEE)
    await here.hear(edited(post, "ho"))
    await bring(here, Fake(refusals=1, capabilities=Capabilities(edit=False, delete=False)), MAILS, LEE)
    [failed] = await told(here, "failed")
    assert plain(failed.text).startswith("⚠ Your change of this message did not get to gmail.example")


async def test_success_is_told_when_all_have_it_and_the_group_confirms_all(here: Desk) -> None:
    confirming(here, "all")
    await here.hear(created("hi"))
    await bring(here, Fake(), TIMELINE)
    await bring(here, Fake(), MAILS, LEE)
    assert not await told(here, "handed")
    await bring(here, Fake(), MAILS, CHAIR)
    [handed] = await told(here, "handed")
    assert plain(handed.text) == (
        "✅ Handed to allhands/timeline at 22:13 UTC, gmail.example at 22:13 UTC, board.example at 22:13 UTC."
    )
    assert "read" not in plain(handed.text)


async def test_success_is_not_told_unless_asked_for(here: Desk) -> None:
    await here.hear(created("hi"))
    for place, person in ((TIMELINE, ""), (MAILS, LEE), (MAILS, CHAIR)):
        assert await bring(here, Fake(), place, person) == []
    assert not await told(here, "handed")


async def test_who_reads_is_told_with_the_first_post_and_never_again(here: Desk) -> None:
    await here.hear(created("one"))
    await here.hear(created("two"))
    [mirrored] = await told(here, "mirrored")
    assert "read from now on by 30 people in Allhands (allhands/timeline), 2 people in Mail (mail/all-hands)" in plain(
        mirrored.text
    )
    await here.hear(created("three", author=replace(LYNN, user=UserId("U7"))))
    assert len(await told(here, "mirrored", aside(CHANNEL, UserId("U7")))) == 1


async def test_bots_are_told_nothing(here: Desk) -> None:
    await here.hear(created("beep", author=replace(LYNN, is_bot=True)))
    assert not await told(here, "mirrored")


# ---------------------------------------------------------------- a place gains readers


async def look(desk: Desk, *readers: object) -> list[Post]:
    places = (entry("team/all-hands"), entry("allhands/timeline"), entry("mail/all-hands", readers=readers or READERS))
    desk.world = replace(world(group(*places)), asides=frozenset({TEAM}))
    await Introducer(desk.store).look(desk.world, NOW)
    return await told(desk, "gained", CHANNEL)


async def test_a_place_is_told_when_more_read_along_and_only_then(desk: Desk) -> None:
    assert await look(desk) == []  # nothing was known before: no news
    assert await look(desk) == []
    assert await look(desk, READERS[0]) == []
    [gained] = await look(desk, *READERS, reader("karl", "karl@new.example"))
    assert plain(gained.text).startswith("More people read along. What is written here is read from now on by")
    assert "3 people in Mail" in plain(gained.text)
    assert "karl@" not in plain(gained.text)
    assert len(await look(desk, *READERS, reader("karl", "karl@new.example"))) == 1


async def test_a_place_whose_name_is_looked_up_later_is_no_new_reader(desk: Desk) -> None:
    await look(desk)
    desk.world = replace(desk.world, pins={key: place for key, place in PINS.items() if key[0] == TEAM})
    await Introducer(desk.store).look(desk.world, NOW)
    assert await look(desk) == []


async def test_what_was_heard_too_late_is_told_once_an_hour(here: Desk) -> None:
    for words in ("old", "older"):
        await here.hear(created(words, at=at(-7 * 24 * 3600)))
    [missed] = await told(here, "missed")
    assert missed.mark is Mark.FAILED
    assert "not passed on" in plain(missed.text)
