"""Whose message it is: by name and picture where Slack lets the app show them, else "via" in the words; and who is called."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from adapters.slack.adapter import SlackAdapter
from adapters.slack.render import Message, render
from adapters.slack.sandbox import SlackSandbox
from adapters.slack.sandbox_server import SCOPES
from adapters.slack.settings import SlackSettings
from bridge.contract import FileLimits, Limits, Thread
from bridge.post import Author, Created, Destination, Media, Own, Place, PlaceId, UserId
from bridge.text import Bold, Mention, Paragraph, Str, from_plain
from tests.slack.desk import TEAM, context, post
from tests.slack.test_parse import message as heard

HERE = Destination(Place(TEAM, PlaceId("C0ALLHANDS1")))
KARL = Author(UserId("7"), "Karl", avatar="https://social.example/karl.png")


@pytest.fixture
async def showing() -> AsyncIterator[SlackSandbox]:
    async with SlackSandbox(scopes=f"{SCOPES},chat:write.customize") as sandbox:
        yield sandbox


@pytest.fixture
async def shown(showing: SlackSandbox) -> AsyncIterator[SlackAdapter]:
    adapter = SlackAdapter(TEAM, SlackSettings.model_validate(dict(showing.account)))
    async with adapter.open():
        yield adapter


def message(words: str = "hi", **more: Any) -> Message:
    (part,) = render(post(from_plain(words), author=KARL, **more), HERE, context(), shows_authors=True)
    return Message.of(part)


def test_the_author_stands_above_the_words_with_their_picture() -> None:
    assert (message().username, message().icon, message().text) == ("via Karl", "https://social.example/karl.png", "hi")
    unpictured = render(
        post(from_plain("hi"), author=replace(KARL, avatar="http://x/y.png")), HERE, context(), shows_authors=True
    )
    assert Message.of(unpictured[0]).icon == ""


@pytest.mark.parametrize(
    ("via", "username", "text"),
    [
        ("via {author}: {text}", "via Karl", "hi"),
        ("{author} \N{EM DASH} {text}", "Karl", "hi"),
        ("{text} ^{initials}", "", "hi ^K"),
        ("{text}", "", "hi"),
        ("", "", "hi"),
    ],
)
def test_the_groups_template_decides_how_an_author_is_named(via: str, username: str, text: str) -> None:
    (part,) = render(post(from_plain("hi"), author=KARL), HERE, context(via=via), shows_authors=True)
    assert (Message.of(part).username, Message.of(part).text) == (username, text)


def test_a_name_is_never_a_command() -> None:
    odd = render(post(from_plain("hi"), author=Author(UserId("7"), "<!channel>\n<@U1>")), HERE, context(), shows_authors=True)
    assert "<" not in Message.of(odd[0]).username


def test_beside_files_the_author_stands_in_the_words() -> None:
    media = (Media("lake.png", "image/png", 3, blob="b"),)
    limits = Limits(3_900, files=FileLimits(10, 1000, 1000))
    (part,) = render(post(from_plain("hi"), author=KARL, media=media), HERE, context(limits=limits), shows_authors=True)
    assert (Message.of(part).username, Message.of(part).text) == ("", "via Karl: hi")


async def test_slack_shows_the_author_instead_of_the_app(showing: SlackSandbox, shown: SlackAdapter) -> None:
    (part,) = shown.render(post(from_plain("hi"), author=KARL), HERE, context())
    await shown.send(part, HERE, Thread(), "k")
    server_side = await showing.with_server(lambda server: [one.username for one in server.workspace.messages.values()])
    assert server_side == ["via Karl"]
    history = await shown._web.conversations_history(channel="C0ALLHANDS1")
    assert "user" not in history["messages"][0], "under another name Slack shows no user"


async def test_without_the_permission_the_author_stands_in_the_words(sandbox: SlackSandbox, adapter: SlackAdapter) -> None:
    async with adapter.open():
        (part,) = adapter.render(post(from_plain("hi"), author=KARL), HERE, context())
        await adapter.send(part, HERE, Thread(), "k")
        frozen = message().to_part()  # from before the permission was taken away
        await adapter.send(frozen, HERE, Thread(), "k2")
    assert [" ".join(standing.text.split()) for standing in sandbox.standing()] == ["via Karl: hi", "via Karl: hi"]


async def test_a_permission_that_is_taken_away_meanwhile_costs_no_post(showing: SlackSandbox, shown: SlackAdapter) -> None:
    (part,) = shown.render(post(from_plain("hi"), author=KARL), HERE, context())
    await showing.with_server(lambda server: server.grant(SCOPES))
    await shown.send(part, HERE, Thread(), "k")
    assert [" ".join(standing.text.split()) for standing in showing.standing()] == ["via Karl: hi"]


async def test_an_edit_keeps_its_author(showing: SlackSandbox, shown: SlackAdapter) -> None:
    (part,) = shown.render(post(from_plain("hi"), author=KARL), HERE, context())
    named = await shown.send(part, HERE, Thread(), "k")
    (plain_part,) = render(post(from_plain("ho"), author=KARL), HERE, context())
    unnamed = await shown.send(plain_part, HERE, Thread(), "k2")  # as it was sent before there was the permission
    (changed,) = shown.render(post(from_plain("other"), author=KARL), HERE, context())
    await shown.edit(named, changed)
    await shown.edit(unnamed, changed)
    texts = {standing.id: " ".join(standing.text.split()) for standing in showing.standing()}
    assert texts == {named.id: "other", unnamed.id: "via Karl: other"}


# ---------------------------------------------------------------- who is called

TEXT = (Paragraph((Str("ask "), Bold((Mention("11", "MissLynn13"),)), Mention("12", "karl"))),)


@pytest.mark.scenario("G04")
def test_only_who_may_be_called_is() -> None:
    (part,) = render(post(TEXT), HERE, context(mentions={"11": UserId("U0LYNN00001")}))
    made = Message.of(part)
    assert made.text == "via Karl: ask *<@U0LYNN00001>*@karl"
    assert {"type": "user", "user_id": "U0LYNN00001", "style": {"bold": True}} in made.blocks[0]["elements"][0]["elements"]


@pytest.mark.scenario("G05")
@pytest.mark.parametrize("user", ["!channel", "U1> <!channel", "", "lynn@example.org"])
def test_only_a_users_id_calls_anybody(user: str) -> None:
    (part,) = render(post(TEXT), HERE, context(mentions={"11": UserId(user)}))
    assert "<" not in Message.of(part).text


def test_bots_are_known_by_their_ids() -> None:
    found = heard(user=None, bot_id="B9", subtype="bot_message", username="Deploys", bot_profile={"app_id": "A9", "name": "x"})
    assert isinstance(found, Created)
    assert (found.own, found.post.author.handles, found.post.author.is_bot) == (Own.NO, ("B9", "A9"), True)
