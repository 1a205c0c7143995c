"""What people ask of the bridge itself: who may, what they read, and what the log keeps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bridge.post import Author, Commanded, NativeId, Place, PlaceId, Ref, UserId
from bridge.reasons import Reason
from bridge.rules import RULES
from bridge.store import commands, halts, inward
from bridge.tracing import CHECKS
from tests.core.office import KARL, LEE, Office
from tests.core.worlds import ALL, CHANNEL, LYNN, MAIL, NOW, OTHER_CHANNEL, TEAM, TIMELINE, at, created

# ---------------------------------------------------------------- once, by who may, logged


async def test_a_command_is_carried_out_once_and_logged(office: Office) -> None:
    said = Commanded("k", CHANNEL, LYNN, "pause all-hands", at())
    assert await office.desk.write(lambda tx: commands.add(tx, said, NOW))
    assert not await office.desk.write(lambda tx: commands.add(tx, said, NOW))
    [waiting] = await office.desk.read(commands.waiting)
    for _ in range(2):  # as two replicas would that looked at the same time
        await office.commander._carry_out(waiting)
    assert await office.log() == [("lynn.example", "pause all-hands", "done")]
    assert len(await office.whispers()) == 1


async def test_a_command_heard_with_its_raw_waits_in_the_ledger(office: Office) -> None:
    raw = office.desk.raw(TEAM)
    await office.desk.write(lambda tx: inward.take(tx, raw, NOW))
    [waiting] = await office.desk.waiting(TEAM)
    accepted = await office.desk.judge(waiting, Commanded("k", CHANNEL, LYNN, "help", at()))  # type: ignore[arg-type]
    assert accepted is not None
    assert accepted.commanded
    assert [each.words for each in await office.desk.read(commands.waiting)] == ["help"]


@pytest.mark.scenario("K09")
@pytest.mark.parametrize("words", ["pause all-hands", "resume", "approve @stranger@social.example", "reject @x", "ping all"])
async def test_what_is_for_admins_is_refused_to_others_and_logged(office: Office, words: str) -> None:
    said = await office.say(words, KARL)
    assert said.startswith("Only the group's admins may")
    assert await office.log() == [("Karl", words, "refused")]
    assert office.doors.asked == []
    assert await office.desk.read(halts.current) == ()


@pytest.mark.scenario("K09")
async def test_an_admin_by_another_accounts_handle_is_no_admin_here(office: Office) -> None:
    impostor = Author(UserId("U9"), "Lynn", ("u9", "@misslynn13@social.example"))
    assert (await office.say("pause", impostor)).startswith("Only the group's admins")


async def test_help_shows_what_one_may(office: Office) -> None:
    assert "pause GROUP" not in await office.say("", KARL)
    assert "pause GROUP" in await office.say("what?")


@pytest.mark.scenario("K07")
async def test_an_admin_lets_somebody_follow(office: Office) -> None:
    assert await office.say("approve @stranger@social.example") == "@stranger@social.example (A stranger) now follows allhands."
    assert (await office.say("reject @nobody@social.example")).startswith("Nobody called")
    assert office.doors.asked == [
        ("allhands", "@stranger@social.example", "approve", "Lynn"),
        ("allhands", "@nobody@social.example", "reject", "Lynn"),
    ]
    assert [outcome for _, _, outcome in await office.log()] == ["failed", "done"]


async def test_a_mistake_in_a_command_stops_no_other(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(office.doors, "accounts", None)
    assert "made a mistake" in await office.say("approve @x")
    assert "made a mistake" not in await office.say("help")


# ---------------------------------------------------------------- why


@pytest.mark.scenario("L11")
async def test_why_tells_the_whole_way_of_a_post(office: Office) -> None:
    post = created("hi")
    await office.desk.hear(post)
    office.desk.now += 2
    await office.desk.deliver(TIMELINE, "4711")
    office.platforms[ALL].links["https://social.example/@allhands/4711"] = Ref(TIMELINE, NativeId("4711"))
    said = await office.say("why https://social.example/@allhands/4711")
    assert "lynn.example wrote this at team/all-hands" in said
    assert "✓ heard once" in said
    assert "so it was relayed" in said
    assert "→ allhands/timeline (group all-hands): handed over on" in said
    assert "2.0 s after it was judged" in said
    assert "It is 4711 there." in said
    assert f"→ {LEE} (mail/all-hands)" in said
    assert "- team/all-hands (group all-hands): it was written there." in said
    assert await office.say(f"why {post.ref}") == said == await office.say("why", about=post.ref)


@pytest.mark.scenario("L11")
async def test_why_names_the_rule_that_stopped_it(office: Office) -> None:
    bot = created("beep", author=replace(LYNN, is_bot=True))
    await office.desk.hear(bot)
    said = await office.say(f"why {bot.ref}")
    assert "✗ by a person. So it was not relayed: Its author is a bot" in said
    assert "→" not in said


async def test_every_reason_of_a_rule_is_in_one_check(office: Office) -> None:
    found = [reason for check in CHECKS for reason in check.reasons]
    assert len(found) == len(set(found))
    before_deliveries = list(Reason)[: list(Reason).index(Reason.FOLDED)]
    assert set(found) == {*before_deliveries, Reason.INTERNAL}
    assert RULES


async def test_why_names_no_reader_to_those_who_are_no_admins(office: Office) -> None:
    post = created("hi", author=KARL)
    await office.desk.hear(post)
    said = await office.say(f"why {post.ref}", KARL)
    assert "gmail.example" in said
    assert LEE not in said


async def test_why_is_for_those_who_can_read_it(office: Office) -> None:
    secret = created("hi")
    await office.desk.hear(secret)
    elsewhere = Place(TEAM, PlaceId("C9"))
    assert (await office.say(f"why {secret.ref}", KARL, elsewhere)).startswith("Only who can read a message")
    assert (await office.say(f"why {Ref(elsewhere, NativeId('x'))}", KARL, OTHER_CHANNEL)).startswith("Only who can read")
    assert (await office.say(f"why {secret.ref}", KARL)).startswith("lynn.example wrote")


@pytest.mark.parametrize(
    ("words", "said"), [("", "Give the message's link"), ("https://nowhere.example/1", "No account here knows")]
)
async def test_why_says_what_it_needs(office: Office, words: str, said: str) -> None:
    assert (await office.say(f"why {words}")).startswith(said)


async def test_the_story_comes_as_values_too(office: Office) -> None:
    post = created("hi")
    await office.desk.hear(post)
    told: dict[str, Any] = await office.commander.why(str(post.ref))
    assert told["found"]
    assert [way["state"] for way in told["story"]["ways"]] == ["waiting"] * 3
    assert told["story"]["post"] is None
    assert not (await office.commander.why("https://nowhere.example"))["found"]


# ---------------------------------------------------------------- who, ping


async def test_who_counts_by_kind_and_names_nobody(office: Office) -> None:
    said = await office.say("who", KARL)
    assert "12 people in Chat (team/all-hands), 30 people in Blog (allhands/timeline), 2 people in Post (mail/all-hands)" in said
    assert "What you write here goes to 30 people in Blog (allhands/timeline), 2 people in Post" in said
    assert "@" not in said
    assert (await office.say("who", KARL, OTHER_CHANNEL)).startswith("This place is not mirrored")
    assert (await office.say("who all-hands", KARL, OTHER_CHANNEL)).startswith("This place is not mirrored")


@pytest.mark.scenario("L21")
async def test_every_place_answers_a_ping_with_its_latency(office: Office) -> None:
    office.platforms[ALL].away = True
    office.commander.engine.accounts[MAIL].opened.clear()
    said = (await office.say("ping")).splitlines()
    assert said[0].startswith("✓ team/all-hands: ")
    assert said[0].endswith(" ms")
    assert said[1:] == ["✗ allhands/timeline: The server is away.", "✗ mail/all-hands: It is not signed in to yet."]


# ---------------------------------------------------------------- at this machine


async def test_the_terminal_may_do_everything_and_is_logged(office: Office) -> None:
    said = await office.commander.ask("pause all-hands", "root")
    assert said.outcome == "done"
    assert await office.log() == [("root", "pause all-hands", "done")]
    assert [halt.by for halt in await office.desk.read(halts.current)] == ["root"]
