"""Files on their way: fetched once, kept, frozen with the part, loaded for the call, and never the reason for losing a text."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

import pytest

from bridge import media as media_module
from bridge.contract import Limits, Part
from bridge.engine import Step
from bridge.errors import FileRejected, NeedsOperator, Rejected, Retryable, Uncertain
from bridge.media import GIVEN_UP, MOST, PATIENCE_S
from bridge.post import AccountId, Created, Edited, Media
from bridge.reasons import Reason
from bridge.store import blobs, sql
from bridge.store.tables import DeliveryState
from tests.core.desk import Desk
from tests.core.files import BOAT, FILES, LAKE, House, Source
from tests.core.worlds import NOW, TEAM, TIMELINE, at, created, deleted, edited


@pytest.fixture
def house(desk: Desk) -> House:
    return House(desk, Source({"s/lake": b"lake", "s/boat": b"boat"}))


def changed(of: Created, words: str, media: Sequence[Media], revision: str = "1") -> Edited:
    event = edited(of, words, revision, seconds=float(revision))
    return replace(event, post=replace(event.post, media=tuple(media)))


async def test_files_go_with_their_post_and_are_frozen_without_their_bytes(house: House) -> None:
    await house.says(LAKE, BOAT)
    await house.bring()
    assert house.target.sent == [("look", (b"lake", b"boat"))]
    [part] = house.target.frozen
    assert [file.body for file in part.files] == [b"", b""]
    assert [(file.media.alt, file.media.size) for file in part.files] == [("The lake", 4), ("", 4)]
    rows = await house.desk.rows(sql.part)
    assert "The lake" in rows[0].files
    assert await house.outcome() == (DeliveryState.DELIVERED, "")


async def test_the_same_bytes_are_kept_once(house: House) -> None:
    house.source.files["s/boat"] = b"lake"
    await house.says(LAKE, BOAT)
    await house.bring()
    assert (await house.blobs(), house.target.sent) == (1, [("look", (b"lake", b"lake"))])


@pytest.mark.scenario("C05")
async def test_a_crash_between_fetching_and_freezing_fetches_nothing_twice(house: House) -> None:
    def die(step: Step) -> None:
        if step is Step.ATTEMPTING:
            raise asyncio.CancelledError

    await house.says(LAKE)
    render, house.target.render = house.target.render, lambda *_: (_ for _ in ()).throw(asyncio.CancelledError())  # type: ignore[method-assign]
    with pytest.raises(asyncio.CancelledError):
        await house.bring()
    house.target.render = render  # type: ignore[method-assign]
    house.at_step = die
    house.restart()
    with pytest.raises(asyncio.CancelledError):  # and once more: written down, not yet sent
        await house.bring()
    assert house.source.fetched == ["s/lake"]
    assert house.target.sent == []
    [row] = await house.desk.rows(sql.part)
    assert sha256(b"lake").hexdigest() in row.files


@pytest.mark.scenario("C04")
async def test_a_repeat_has_its_files_again(house: House) -> None:
    await house.says(LAKE)
    house.target.answers = [Retryable()]
    await house.bring()
    house.desk.now += 10
    house.restart()
    house.source.files.clear()
    await house.bring()
    assert house.target.sent == [("look", (b"lake",))] * 2


async def test_a_file_that_cannot_be_had_now_is_waited_for_but_not_for_ever(house: House) -> None:
    house.source.files["s/boat"] = Retryable()
    await house.says(LAKE, BOAT)
    for _ in range(100):
        await house.bring()
        if house.target.sent:
            break
        house.desk.now += 10
    assert house.target.sent == [(f"look [boat.png: {GIVEN_UP}]", (b"lake",))]
    assert house.source.fetched.count("s/lake") == 1
    assert PATIENCE_S <= house.desk.now - NOW <= PATIENCE_S + 20
    assert house.source.fetched.count("s/boat") > 5


async def test_a_file_that_comes_late_goes_along(house: House) -> None:
    house.source.files["s/lake"] = Retryable(after=3.0)
    await house.says(LAKE)
    await house.bring()
    assert house.target.sent == []
    claim = await house.desk.lane(TIMELINE)
    assert await house.desk.next(claim) == house.desk.now + 3.0, "the lane waits as long as it was asked to"
    house.source.files["s/lake"] = b"late"
    house.desk.now += 4
    await house.bring()
    assert house.target.sent == [("look", (b"late",))]


async def test_the_order_is_kept_while_a_file_is_waited_for(house: House) -> None:
    house.source.files["s/lake"] = NeedsOperator("token")
    await house.says(LAKE, words="first")
    await house.says(words="second")
    await house.bring(3)
    assert house.target.sent == []
    house.source.files["s/lake"] = b"lake"
    house.desk.now += 60
    await house.bring(3)
    assert [words for words, _ in house.target.sent] == ["first", "second"]


async def test_a_file_that_is_gone_is_named_with_the_reason(house: House) -> None:
    house.source.files["s/lake"] = Rejected("This file is gone.")
    await house.says(LAKE)
    await house.bring()
    assert house.target.sent == [("look [lake.png: This file is gone.]", ())]


async def test_a_file_of_an_account_that_was_taken_out_is_named(house: House) -> None:
    await house.says(LAKE)
    del house.engine.accounts[TEAM]  # type: ignore[attr-defined]
    await house.bring()
    [(words, files)] = house.target.sent
    assert (files, "no longer in the mapping file" in words) == ((), True)


@pytest.mark.scenario("I06")
async def test_what_the_destination_does_not_take_is_not_even_fetched(house: House) -> None:
    known = replace(LAKE, size=1_001)
    kind = replace(BOAT, mime="text/x-odd")
    house.target.limits = Limits(500, files=replace(FILES, mimes=frozenset({"image/png"})))
    await house.says(known, kind)
    await house.bring()
    assert (house.source.fetched, len(house.target.sent)) == ([], 1)
    house.target.limits = Limits(500)
    await house.says(LAKE)
    await house.bring()
    assert (house.source.fetched, house.target.sent[1]) == ([], ("look [lake.png: not taken]", ()))


async def test_more_bytes_than_asked_for_are_not_kept(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.source.files["s/lake"] = b"x" * (MOST + 1)
    await house.says(LAKE)
    await house.bring()
    assert (await house.blobs(), house.target.sent) == (0, [("look [lake.png: larger than 40 MB]", ())])


@pytest.mark.scenario("I06")
async def test_a_file_that_the_destination_refuses_is_named_and_the_text_goes(house: House) -> None:
    await house.says(LAKE, BOAT)
    lake = sha256(b"lake").hexdigest()
    house.target.answers = [FileRejected("No such pictures here.", lake)]
    await house.bring(2)
    assert house.target.sent == [("look", (b"lake", b"boat")), ("look [lake.png: No such pictures here.]", (b"boat",))]
    assert await house.outcome() == (DeliveryState.DELIVERED, "")


async def test_a_destination_that_refuses_everything_gets_no_third_try(house: House) -> None:
    await house.says(LAKE)
    lake = sha256(b"lake").hexdigest()
    house.target.answers = [FileRejected("No.", lake), FileRejected("No.", lake)]
    await house.bring(3)
    assert (len(house.target.sent), await house.outcome()) == (2, (DeliveryState.NOT_DELIVERED, Reason.REJECTED))


async def test_an_edit_keeps_the_files_and_fetches_only_new_ones(house: House) -> None:
    event = await house.says(LAKE)
    await house.bring()
    house.restart()
    await house.desk.hear(changed(event, "look again", [LAKE, BOAT]))
    await house.bring()
    assert house.target.edits == [("look again", (b"lake", b"boat"))]
    assert house.source.fetched == ["s/lake", "s/boat"]
    await house.desk.hear(changed(event, "look no more", [], "2"))
    await house.bring()
    assert house.target.edits[1:] == [("look no more", ())]


async def test_a_deletion_needs_no_files(house: House) -> None:
    event = await house.says(LAKE)
    await house.bring()
    house.source.files.clear()
    await house.desk.hear(deleted(event))
    await house.bring()
    assert (await house.outcome())[0] == DeliveryState.DELIVERED
    assert house.source.fetched == ["s/lake"]


async def test_bytes_that_are_gone_end_the_delivery_with_a_reason(house: House) -> None:
    await house.says(LAKE)
    house.target.answers = [Retryable()]
    await house.bring()
    await house.desk.write(lambda tx: tx.execute(blobs.blob.delete()))
    house.desk.now += 10
    await house.bring()
    assert await house.outcome() == (DeliveryState.NOT_DELIVERED, Reason.REJECTED)


async def test_absence_is_believed_later_where_files_had_to_be_sent(house: House) -> None:
    from bridge.contract import Absent

    async def find(_: object) -> Absent:
        return Absent()

    house.target.find = find  # type: ignore[attr-defined]
    await house.says(LAKE)
    house.target.answers = [Uncertain()]
    await house.bring()
    house.desk.now += 11  # more than the deadline of a part without files
    await house.bring()
    assert len(house.target.sent) == 1
    house.desk.now += 30
    await house.bring()
    assert len(house.target.sent) == 2


async def test_several_lanes_fetch_a_posts_files_once(house: House) -> None:
    event = await house.says(LAKE, BOAT)
    post_id = (await house.desk.rows(sql.post))[0].id
    spool = house.worker.spool
    filled = await asyncio.gather(*(spool.fill(post_id, event.post, FILES, lane) for lane in range(5)))
    assert house.source.fetched == ["s/lake", "s/boat"]
    assert len(set(filled)) == 1
    assert all(media.blob for media in filled[0].media)
    assert not spool._fetching


async def test_fetching_ends_in_time(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: object) -> bytes:
        await asyncio.sleep(3600)
        return b""

    monkeypatch.setattr(house.source, "fetch", hang)
    monkeypatch.setattr(media_module, "FETCH_S", 0.01)
    event = await house.says(LAKE)
    with pytest.raises(Retryable):
        await house.worker.spool.fill(1, event.post, FILES, 1)


async def test_an_account_that_is_not_open_is_waited_for(house: House) -> None:
    house.engine.accounts[AccountId(TEAM)].opened.clear()
    event = await house.says(LAKE)
    with pytest.raises(Retryable):
        await house.worker.spool.fill(1, event.post, FILES, 1)
    assert house.source.fetched == []


# ---------------------------------------------------------------- keeping and forgetting


async def test_files_are_forgotten_with_the_last_body_that_names_them(house: House) -> None:
    from bridge import keeper

    desk = house.desk
    await house.says(LAKE, words="old")
    await house.bring()
    await desk.write(lambda tx: tx.execute(sql.delivery.update().values(state=DeliveryState.DELIVERED)))
    month = keeper.BODIES_KEPT_S
    desk.now += month + 100
    event = created("new", media=(LAKE,), at=at(month + 100))
    await desk.hear(event)
    house.source.files["s/lake"] = b"lake"
    await house.bring()
    await keeper.forget_bodies(desk.store, desk.now - month)
    assert (await desk.count(blobs.file), await house.blobs()) == (1, 1), "the new post still has it"
    assert next(row.files for row in await desk.rows(sql.part)) == ""
    await desk.write(lambda tx: tx.execute(sql.delivery.update().values(state=DeliveryState.DELIVERED)))
    await keeper.forget_bodies(desk.store, desk.now + 1000)
    assert (await desk.count(blobs.file), await house.blobs()) == (0, 0)


async def test_files_of_what_still_waits_are_kept(house: House) -> None:
    from bridge import keeper

    await house.says(LAKE)
    house.target.answers = [Retryable()]
    await house.bring()
    await keeper.forget_bodies(house.desk.store, house.desk.now + keeper.BODIES_KEPT_S)
    assert (await house.desk.count(blobs.file), await house.blobs()) == (1, 1)
    house.desk.now += 10
    await house.bring()
    assert house.target.sent[1] == ("look", (b"lake",))


async def test_what_was_frozen_before_there_were_files_can_be_read(desk: Desk) -> None:
    await desk.hear(created("hi"))
    claim = await desk.lane(TIMELINE)
    await desk.attempting(claim)
    [row] = await desk.rows(sql.part)
    assert row.files == ""
    assert (await desk.job(claim)).parts[0].part == Part("hi")


@pytest.mark.scenario("I10")
async def test_a_file_is_shown_as_long_as_a_post_that_has_it_stands(desk: Desk) -> None:
    said = created("look", media=(Media("lake.png", source="f1"),))
    await desk.hear(said)
    [row] = await desk.rows(sql.post, sql.post.c.person == "")
    kept = await desk.write(lambda tx: blobs.keep(tx, row.id, said.post.media[0], b"bytes", desk.now))
    assert await desk.read(lambda tx: blobs.shown(tx, kept.blob)) == b"bytes"
    assert await desk.read(lambda tx: blobs.shown(tx, "0" * 64)) is None
    await desk.hear(deleted(said))
    assert await desk.read(lambda tx: blobs.shown(tx, kept.blob)) is None
