"""What an admin is told about the account: each finding with its exact cure, and what a server keeps to itself said as such."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adapters.mastodon.checks import Facts, facts_of_account, findings, missing, scopes_of
from bridge.contract import FileLimits, Level, Limits
from tests.mastodon.conftest import Rig

WELL = Facts(
    acct="allhands",
    locked=True,
    discoverable=False,
    indexable=False,
    collections_hidden=True,
    privacy="private",
    scopes=frozenset({"read", "write"}),
    requests_seen=True,
    direct_messages_heard=True,
    streaming="",
    version="4.7.3",
    limits=Limits(500, 23, FileLimits(4, 16_000_000, 99_000_000)),
)


def unwell(**changes: Any) -> list[tuple[Level, str, str]]:
    found = findings(replace(WELL, **changes))
    return [(each.level, each.what, each.cure) for each in found if each.level is not Level.OK]


def test_a_well_kept_account_has_nothing_to_mend() -> None:
    assert unwell() == []
    assert all(not each.cure for each in findings(WELL))


@pytest.mark.scenario("K02")
@pytest.mark.parametrize(
    ("changes", "level", "cure"),
    [
        ({"locked": False}, Level.ERROR, "Approve follow requests"),
        ({"discoverable": True}, Level.WARNING, "Feature profile and posts in discovery algorithms"),
        ({"indexable": True}, Level.WARNING, "Include public posts in search results"),
        ({"collections_hidden": False}, Level.WARNING, "Show follows and followers on profile"),
        ({"privacy": "public"}, Level.WARNING, "Followers only"),
        ({"privacy": ""}, Level.WARNING, "Followers only"),
        ({"direct_messages_heard": False}, Level.WARNING, "write:notifications"),
        ({"streaming": "404"}, Level.WARNING, "streaming_url"),
        ({"scopes": frozenset({"read"})}, Level.ERROR, "scopes read and write"),
        ({"scopes": None, "requests_seen": False}, Level.ERROR, "scopes read and write"),
    ],
)
def test_each_finding_names_its_cure(changes: dict[str, Any], level: Level, cure: str) -> None:
    [found] = unwell(**changes)
    assert found[0] is level
    assert cure in found[2]


@pytest.mark.parametrize("unknown", ["discoverable", "indexable", "collections_hidden", "scopes", "direct_messages_heard"])
def test_what_a_server_does_not_say_is_no_error(unknown: str) -> None:
    """GoToSocial knows fewer of them."""
    assert unwell(**{unknown: None}) == []


@pytest.mark.parametrize(
    ("scopes", "lacking"),
    [
        (["read", "write"], ()),
        (["read", "write", "push"], ()),
        (["read", "write:statuses", "write:media", "write:notifications", "follow"], ()),
        (["read", "write:statuses", "write:media"], ("write:follows", "write:notifications")),
        (["read:accounts", "write"], ("read:statuses", "read:notifications", "read:follows")),
        (["readable"], tuple(each for each in missing([]))),
    ],
)
def test_what_a_token_lacks_is_named(scopes: list[str], lacking: tuple[str, ...]) -> None:
    assert missing(scopes) == lacking
    if lacking:
        [(_, what, _)] = unwell(scopes=frozenset(scopes))
        assert all(scope in what for scope in lacking)


@pytest.mark.parametrize(
    ("application", "scopes"),
    [
        ({"scopes": ["read", "write"]}, {"read", "write"}),
        ({"scopes": "read write"}, {"read", "write"}),
        ({"name": "an older server"}, None),
        ({"scopes": []}, None),
    ],
)
def test_a_tokens_scopes_are_read_as_servers_write_them(application: dict[str, Any], scopes: set[str] | None) -> None:
    assert scopes_of(application) == scopes


def test_the_account_says_of_itself_what_it_is() -> None:
    source = {"privacy": "private", "hide_collections": True, "indexable": False, "discoverable": False}
    assert facts_of_account({"acct": "allhands", "locked": True, "source": source}) == {
        "acct": "allhands",
        "locked": True,
        "discoverable": False,
        "indexable": False,
        "collections_hidden": True,
        "privacy": "private",
    }
    bare = facts_of_account({"acct": "allhands"})
    assert (bare["locked"], bare["discoverable"], bare["collections_hidden"], bare["privacy"]) == (False, None, None, "")


async def test_the_sandbox_is_looked_at(rig: Rig) -> None:
    found = await rig.adapter.check()
    assert not [each for each in found if each.level is Level.ERROR]
    said = " ".join(each.what for each in found)
    assert "Followers have to be approved." in said
    assert "what was tried worked" in said
