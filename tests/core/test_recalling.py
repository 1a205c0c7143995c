"""Taking a post back: what goes, what had left, who may."""

from __future__ import annotations

from bridge.store import sql
from bridge.store.tables import DeliveryState
from tests.core.office import KARL, LEE, Office
from tests.core.worlds import MAILS, TIMELINE, created, edited


async def test_a_recall_removes_what_can_be_and_says_what_cannot(office: Office) -> None:
    post = created("oops", author=KARL)
    await office.desk.hear(post)
    await office.desk.deliver(TIMELINE, "1")
    await office.desk.deliver(MAILS, "m1", LEE)
    said = await office.say(f"recall {post.ref}", KARL)
    assert said.splitlines() == [
        "Recalled. 1 copy is being removed.",
        "1 was still on the way and does not go out.",
        "1 mail had left and can't be taken back: gmail.example.",
        "Say the same with `note` at the end, and each of them gets one line that you took it back.",
    ]
    removal = await office.desk.job(await office.desk.lane(TIMELINE))
    assert (removal.kind, [copy.ref.id for copy in removal.copies]) == ("deleted", ["1"])
    await office.desk.hear(edited(post, "oops, again"))
    assert not await office.desk.rows(sql.delivery, sql.delivery.c.kind == "edited")


async def test_one_note_follows_where_a_mail_had_left(office: Office) -> None:
    post = created("oops")
    await office.desk.hear(post)
    await office.desk.deliver(MAILS, "m1", LEE)
    assert (await office.say(f"recall {post.ref} note")) == "A note that you took it back goes to 1 reader."
    assert (await office.say(f"recall {post.ref} note")).startswith("They were told before")
    rows = await office.desk.rows(sql.delivery, sql.delivery.c.kind == "notice", sql.delivery.c.audience == 1)
    assert len(rows) == 1


async def test_what_was_taken_back_is_quoted_nowhere_any_more(office: Office) -> None:
    post = created("oops")
    await office.desk.hear(post)
    await office.desk.hear(created("an answer", reply_to=post.ref))
    await office.desk.deliver(MAILS, "m1", LEE)
    before = await office.desk.job(await office.desk.lane(MAILS, LEE))
    await office.say(f"recall {post.ref}")
    after = await office.desk.job(await office.desk.lane(MAILS, LEE))
    assert before.parent is not None
    assert after.parent is not None
    assert (before.parent.line, after.parent.line) == ("oops", "…")


async def test_only_the_author_and_admins_recall(office: Office) -> None:
    post = created("mine")
    await office.desk.hear(post)
    assert (await office.say(f"recall {post.ref}", KARL)).startswith("Only who wrote a message")
    assert {state for state, _ in await office.states()} == {DeliveryState.WAITING}
    assert [outcome for _, _, outcome in await office.log()] == ["refused"]
    by_karl = created("his", author=KARL)
    await office.desk.hear(by_karl)
    assert (await office.say(f"recall {by_karl.ref}")).startswith("Recalled.")
