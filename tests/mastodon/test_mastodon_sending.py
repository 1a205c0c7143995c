"""The real adapter against the sandbox: sending once, finding, replacing, removing, and never to more people than meant."""

from __future__ import annotations

import asyncio
import functools
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from mastodon import Mastodon
from mastodon.errors import MastodonInternalServerError, MastodonNotFoundError

from adapters.mastodon.adapter import MastodonAdapter
from adapters.mastodon.sandbox import MastodonSandbox
from adapters.mastodon.settings import MastodonSettings
from bridge.contract import Absent, Attempt, Fault, Found, Level, Part, Thread
from bridge.errors import NeedsOperator, Rejected, Retryable, Uncertain
from bridge.post import Audience, Created, Deleted, Destination, Edited, Ignored, NativeId, Own, Ref
from bridge.text import plain
from tests.mastodon.conftest import ACCOUNT, TIMELINE, Rig, a_context, a_post, eventually, streaming


def attempt(rig: Rig, words: str, key: str, thread: Thread | None = None, ago: float = 0.0) -> Attempt:
    part = rig.adapter.render(a_post(words), TIMELINE, a_context(rig.adapter.limits))[0]
    return Attempt(key, TIMELINE, part, thread or Thread(), datetime.now(UTC) - timedelta(seconds=ago))


async def test_a_copy_stands_for_followers_only_and_its_echo_has_the_same_ref(rig: Rig) -> None:
    ref = await rig.send("an echo", "echo")
    [standing] = [one for one in rig.sandbox.standing("timeline") if one.id == ref.id]
    assert (standing.text, standing.audience, standing.by_bridge) == ("via Lynn: an echo", Audience.GROUP, True)
    event = await rig.heard(Created, ref.id)
    assert (event.ref, event.own) == (ref, Own.PERHAPS)


@pytest.mark.scenario("C04")
async def test_the_same_key_makes_one_status(rig: Rig) -> None:
    assert rig.adapter.capabilities.idempotent
    assert await rig.send("once only", "same") == await rig.send("once only", "same")
    assert len(rig.copies("once only")) == 1


@pytest.mark.scenario("C04")
async def test_a_send_whose_reply_is_lost_is_found(rig: Rig) -> None:
    rig.sandbox.fault(Fault.REPLY_LOST)
    tried = attempt(rig, "lost reply", "lost")
    with pytest.raises(Uncertain):
        await rig.adapter.send(tried.part, TIMELINE, Thread(), "lost")
    [copy] = rig.copies("lost reply")
    assert await rig.adapter.find(tried) == Found(Ref(TIMELINE.place, copy))


async def test_what_was_never_sent_is_absent(rig: Rig) -> None:
    assert await rig.adapter.find(attempt(rig, "never sent", "never")) == Absent()


async def test_an_older_status_of_the_same_words_is_not_taken_for_the_lost_one(rig: Rig) -> None:
    ref = await rig.send("same words", "older")
    assert await rig.adapter.find(attempt(rig, "same words", "newer")) == Absent()
    assert await rig.adapter.find(attempt(rig, "same words", "older", ago=1)) == Found(ref)


async def test_words_that_differ_in_marks_only_are_told_apart(rig: Rig) -> None:
    await rig.send("well :)", "smile")
    assert await rig.adapter.find(attempt(rig, "well :(", "frown")) == Absent()


async def test_a_status_that_answers_something_else_is_not_taken_for_the_lost_one(rig: Rig) -> None:
    root, other = await rig.send("root", "root"), await rig.send("other", "other")
    rig.sandbox.fault(Fault.REPLY_LOST)
    tried = attempt(rig, "an answer", "answer", Thread(root=root, parent=root))
    with pytest.raises(Uncertain):
        await rig.adapter.send(tried.part, TIMELINE, tried.thread, "answer")
    assert isinstance(await rig.adapter.find(tried), Found)
    assert await rig.adapter.find(attempt(rig, "an answer", "answer", Thread(root=other, parent=other))) == Absent()


async def test_an_answer_stands_in_its_thread(rig: Rig) -> None:
    root = await rig.send("the question", "q")
    answer = await rig.send("the answer", "a", Thread(root=root, parent=root))
    more = await rig.send("more of it", "m", Thread(root=root, parent=root, previous=answer))
    above = {one.id: one.reply_to for one in rig.sandbox.standing()}
    assert (above[answer.id], above[more.id]) == (root.id, answer.id)


async def test_an_edit_replaces_the_whole_status(rig: Rig) -> None:
    await streaming(rig)
    adapter, context = rig.adapter, a_context(rig.adapter.limits)
    warned = adapter.render(a_post("before", warning="boats"), TIMELINE, context)[0]
    ref = await adapter.send(warned, TIMELINE, Thread(), "warned")
    await adapter.edit(ref, adapter.render(a_post("after"), TIMELINE, context)[0])
    [standing] = [one for one in rig.sandbox.standing() if one.id == ref.id]
    assert (standing.text, standing.edited) == ("via Lynn: after", True)
    assert (await rig.heard(Edited, ref.id)).own is Own.PERHAPS


async def test_deleting_twice_is_fine(rig: Rig) -> None:
    await streaming(rig)
    ref = await rig.send("to be gone", "gone")
    await rig.adapter.delete(ref)
    await rig.adapter.delete(ref)
    assert not rig.copies("to be gone")
    assert (await rig.heard(Deleted, ref.id)).own is Own.PERHAPS


@pytest.mark.scenario("K04")
async def test_a_notice_reaches_one_person_and_nobody_else(rig: Rig) -> None:
    asked = await rig.sandbox.write_direct("karl", "who is this?")
    place = (await rig.heard(Created, asked)).post.ref.place
    notice = rig.adapter.render(a_post("ask @MissLynn13"), Destination(place), a_context(rig.adapter.limits, via=""))[0]
    ref = await rig.adapter.send(notice, Destination(place), Thread(), "notice")
    [standing] = [one for one in rig.sandbox.standing("@direct") if one.id == ref.id]
    assert standing.audience is Audience.DIRECT
    assert standing.text == "@karl ask @\u200bMissLynn13"
    assert (await rig.heard(Created, ref.id)).ref == ref


@pytest.mark.scenario("K02")
async def test_nothing_is_sent_while_the_account_is_not_locked(rig: Rig) -> None:
    await rig.sandbox.set_locked(locked=False)
    try:
        with suppress(NeedsOperator):  # its reply tells that the gate is open, unless a look at the account was sooner
            await rig.send("the last before it is noticed", "unlocked-0")
        with pytest.raises(NeedsOperator, match="Approve follow requests"):
            await rig.send("must not stand", "unlocked-1")
        assert not rig.copies("must not stand")
        assert [one for one in await rig.adapter.check() if one.level is Level.ERROR]
        closed = MastodonAdapter(ACCOUNT, MastodonSettings.model_validate(rig.sandbox.account))
        with pytest.raises(NeedsOperator, match="Approve follow requests"):
            async with closed.open():
                pytest.fail("opened")
    finally:
        await rig.sandbox.set_locked(locked=True)
    await eventually(lambda: rig.adapter._locked, "the lock is noticed")
    await rig.send("locked again", "locked")


@pytest.mark.scenario("K02")
async def test_unlocking_is_noticed_without_a_send(rig: Rig) -> None:
    await rig.sandbox.set_locked(locked=False)
    try:
        await eventually(lambda: not rig.adapter._locked, "the open gate is noticed")
    finally:
        await rig.sandbox.set_locked(locked=True)
    await eventually(lambda: rig.adapter._locked, "the lock is noticed")


@pytest.mark.scenario("K01")
async def test_a_status_that_mentions_somebody_after_all_is_removed_at_once(rig: Rig) -> None:
    part = rig.adapter.render(a_post("x"), TIMELINE, a_context(rig.adapter.limits))[0]
    leaking = type(part)(part.body.replace("via Lynn: x", "leak to @karl"))
    await streaming(rig)  # only it tells deletions
    with pytest.raises(Rejected, match="more people"):
        await rig.adapter.send(leaking, TIMELINE, Thread(), "leak")
    assert not rig.copies("leak to")
    outcasts = lambda: [one for one in rig.events() if isinstance(one, Ignored) and one.reason == "own-rejected"]  # noqa: E731
    await eventually(lambda: len(outcasts()) == 2, "its echo and its deletion")
    assert not [one for one in rig.events() if isinstance(one, Created) and "leak" in plain(one.post.text)]


@pytest.mark.scenario("K01")
async def test_what_cannot_be_removed_at_once_is_removed_later(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    part = rig.adapter.render(a_post("x"), TIMELINE, a_context(rig.adapter.limits))[0]
    remove, failures = Mastodon.status_delete, iter(range(2))

    @functools.wraps(remove)  # the SDK reads what it returns from its annotations
    def flaky(client: Mastodon, status_id: str) -> object:
        if next(failures, None) is not None:
            raise MastodonInternalServerError("Mastodon API returned error", 500, "Internal Server Error", "")
        return remove(client, status_id)

    monkeypatch.setattr(Mastodon, "status_delete", flaky)
    with pytest.raises(Rejected, match="more people"):
        await rig.adapter.send(Part(part.body.replace("via Lynn: x", "stuck @karl")), TIMELINE, Thread(), "stuck")
    assert rig.copies("stuck @karl")
    await eventually(lambda: not rig.copies("stuck @karl"), "its removal")


@pytest.mark.scenario("K01")
@pytest.mark.parametrize(("meant", "came"), [('"private"', '"public"'), ("found", "found @karl")])
async def test_what_is_found_standing_for_too_many_is_removed(rig: Rig, meant: str, came: str) -> None:
    tried = attempt(rig, "found standing", f"wide {came}")
    leaking = Part(tried.part.body.replace(meant, came))
    rig.sandbox.fault(Fault.REPLY_LOST)
    with pytest.raises(Uncertain):
        await rig.adapter.send(leaking, TIMELINE, Thread(), tried.key)
    assert rig.copies("standing")
    part = tried.part if came == '"public"' else leaking  # what it says decides whether it is the one
    with pytest.raises(Rejected, match="more people"):
        await rig.adapter.find(replace(tried, part=part))
    assert not rig.copies("standing")


async def test_a_refused_look_is_no_refused_post(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise MastodonNotFoundError("Mastodon API returned error", 404, "Not Found", "Record not found")

    monkeypatch.setattr(Mastodon, "account_statuses", refuse)
    with pytest.raises(Retryable):
        await rig.adapter.find(attempt(rig, "refused", "refused"))


async def test_a_status_deleted_during_the_look_is_not_it(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Mastodon.status_source

    @functools.wraps(source)
    def deleted_meanwhile(client: Mastodon, status_id: str) -> object:
        client.status_delete(status_id)
        return source(client, status_id)

    await rig.sandbox.write("allhands", "via Lynn: gone meanwhile")
    monkeypatch.setattr(Mastodon, "status_source", deleted_meanwhile)
    assert await rig.adapter.find(attempt(rig, "gone meanwhile", "gone")) == Absent()


async def test_where_the_source_is_not_told_the_letters_decide(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_such_page(*_: object) -> None:
        raise MastodonNotFoundError("Mastodon API returned error", 404, "Not Found", "Not Found")

    ref = await rig.send("no source", "no source")
    monkeypatch.setattr(Mastodon, "status_source", no_such_page)
    assert await rig.adapter.find(attempt(rig, "no source", "no source")) == Found(ref)


async def test_a_send_does_not_wait_behind_hung_calls(rig: Rig) -> None:
    released = threading.Event()
    workers = rig.adapter._signed_in.workers
    hung = [asyncio.create_task(workers.run(lambda _: released.wait(20))) for _ in range(8)]
    await asyncio.sleep(0)  # they are in the queue
    try:
        async with asyncio.timeout(5):  # long before they end
            await rig.send("beside hung calls", "beside")
    finally:
        released.set()
        await asyncio.gather(*hung, return_exceptions=True)
    assert rig.copies("beside hung calls")


@pytest.mark.scenario("G05")
async def test_relayed_words_mention_nobody_and_strangers_see_nothing(rig: Rig) -> None:
    await rig.send("@channel @karl @MissLynn13@social.example lynn@example.org https://social.example/@karl", "mentions")
    [copy] = rig.copies("@\u200bchannel")
    [standing] = [one for one in rig.sandbox.standing() if one.id == copy]
    assert "h-card" not in standing.native
    assert not await rig.sandbox.stranger_view()


@pytest.mark.parametrize(
    ("fault", "error"),
    [(Fault.BUSY, Retryable), (Fault.BROKEN, Uncertain), (Fault.REFUSED, Rejected), (Fault.REPLY_LOST, Uncertain)],
)
async def test_a_fault_is_told_as_what_it_means(rig: Rig, fault: Fault, error: type[Exception]) -> None:
    rig.sandbox.fault(fault, seconds=7)
    with pytest.raises(error) as caught:
        await rig.send(f"faulty {fault}", f"fault-{fault}")
    if isinstance(caught.value, Retryable):
        assert caught.value.after == 7
    ref = await rig.send(f"faulty {fault}", f"fault-{fault}")
    assert rig.copies(f"faulty {fault}") == [ref.id]


async def test_an_unplugged_server_is_retryable(rig: Rig) -> None:
    await rig.sandbox.unplug()
    try:
        with pytest.raises(Retryable):
            await rig.send("cut off", "cut")
    finally:
        await rig.sandbox.plug()
    await rig.send("cut off", "cut")
    assert len(rig.copies("cut off")) == 1


async def test_a_revoked_token_needs_the_operator(sandbox: MastodonSandbox) -> None:
    adapter = MastodonAdapter(ACCOUNT, MastodonSettings.model_validate({**sandbox.account, "access_token": "revoked"}))
    with pytest.raises(NeedsOperator, match="access token"):
        async with adapter.open():
            pytest.fail("opened")


async def test_only_the_timeline_is_a_place(rig: Rig) -> None:
    assert await rig.adapter.pin("timeline") == "timeline"
    with pytest.raises(NeedsOperator, match="allhands/timeline"):
        await rig.adapter.pin("general")


async def test_a_status_too_long_is_refused_for_good(rig: Rig) -> None:
    part = rig.adapter.render(a_post("x"), TIMELINE, a_context(rig.adapter.limits))[0]
    with pytest.raises(Rejected, match="500"):
        await rig.adapter.send(type(part)(part.body.replace("via Lynn: x", "x" * 501)), TIMELINE, Thread(), "long")


@pytest.mark.scenario("H05")
async def test_a_long_post_with_long_links_is_taken_whole(rig: Rig) -> None:
    words = " ".join(f"word{n} https://example.org/{n}/{'x' * 40}" for n in range(60))
    context = a_context(rig.adapter.limits)
    before = None
    for number, part in enumerate(rig.adapter.render(a_post(words), TIMELINE, context)):
        before = await rig.adapter.send(part, TIMELINE, Thread(previous=before), f"long-{number}")
    standing = "".join(one.text for one in rig.sandbox.standing() if "example.org/" in one.text)
    assert [n for n in range(60) if standing.count(f"https://example.org/{n}/{'x' * 40}") != 1] == []


async def test_a_missing_message_is_no_reason_to_fail_a_deletion(rig: Rig) -> None:
    await rig.adapter.delete(Ref(TIMELINE.place, NativeId("1")))
