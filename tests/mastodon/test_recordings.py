"""What real Mastodon 4.7 servers said is heard and read as it was meant. Skipped where the recordings cannot be had."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from adapters.mastodon import hearing
from adapters.mastodon.identity import AUDIENCES, Identity
from adapters.mastodon.parse import parse
from adapters.mastodon.reading import read_text
from bridge.post import AccountId, Audience, Created, Deleted, Edited, Event, Ignored, Own, Raw, UserId
from bridge.text import is_blank, plain
from tests.mastodon.recorded import Json, Recorded, recorded

ACCOUNT = AccountId("allhands")


@pytest.fixture(scope="module")
def found(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    cache = getattr(pytestconfig, "cache", None)
    return recorded(cache.mkdir("recordings") if cache else tmp_path_factory.mktemp("recordings"))


def seen_by(account: Json) -> Identity:
    return Identity(ACCOUNT, UserId(str(account["id"])), account["username"], "localhost:3000")


def raw_of(heard: Any) -> Raw:
    return getattr(heard, "raw", heard)  # type: ignore[no-any-return]


def read(status: Json, me: Identity | None = None) -> Event | Ignored:
    """The status as one that appeared, read by its author unless somebody else is named."""
    [event] = parse(raw_of(hearing.created(ACCOUNT, status)), me or seen_by(status["account"]))
    return event


def everybody(found: Recorded) -> Iterator[Json]:
    yield from (status for _, status in found.statuses)


def test_there_is_much_to_read(found: Recorded) -> None:
    assert len(found.statuses) > 300
    assert {event for _, event, _ in found.events} == {"update", "notification", "status.update", "delete", "conversation"}


@pytest.mark.scenario("A10")
def test_every_recorded_status_is_read_and_none_is_empty_that_says_something(found: Recorded) -> None:
    for status in everybody(found):
        event = read(status)
        if status["reblog"]:
            assert isinstance(event, Created | Ignored)
            continue
        assert isinstance(event, Created)
        assert event.post.audience is AUDIENCES[status["visibility"]]
        assert is_blank(event.post.text) == (not status["content"])
        assert len(event.post.media) == len(status["media_attachments"])
        assert (event.post.warning, event.post.language) == (status["spoiler_text"], status["language"] or "")


def test_no_markup_is_left_in_any_recorded_text(found: Recorded) -> None:
    for status in everybody(found):
        assert not {"<", ">", "&"} & set(plain(read_text(status["content"])))


def test_a_recorded_mention_is_its_persons_id(found: Recorded) -> None:
    [direct] = [status for _, status in found.statuses if status["content"].endswith("</span> pssssst!</p>")][:1]
    event = read(direct)
    assert isinstance(event, Created)
    assert event.ref.place.person == direct["mentions"][0]["id"]
    assert direct["mentions"][0]["id"] in str(event.post.text)


def events(found: Recorded, recording: str) -> list[Event | Ignored | None]:
    """What the account of a recorded user stream makes of each of its events."""
    told = found.told(recording)
    mine = next(payload for name, payload in told if name == "update")
    assert isinstance(mine, dict)
    me = seen_by(mine["account"])
    heard = [hearing.of_event(ACCOUNT, me.user, name, payload) for name, payload in told]
    return [parse(raw_of(one), me)[0] if one else None for one in heard]


@pytest.mark.scenario("A07")
def test_a_recorded_stream_is_heard_from_its_first_post_to_its_deletion(found: Recorded) -> None:
    posted, mentioned, written, answered, edited, deleted, *conversations = events(found, "test_stream_user_direct")
    assert isinstance(posted, Created)
    assert (plain(posted.post.text), posted.own) == ("only real cars respond.", Own.PERHAPS)
    assert isinstance(mentioned, Created)
    assert plain(mentioned.post.text) == "beep beep I'm a jeep"
    assert (mentioned.own, mentioned.post.audience, mentioned.post.author.handles[1]) == (Own.NO, Audience.PUBLIC, "admin")
    assert isinstance(written, Created)
    assert (plain(written.post.text), written.ref.place.is_direct) == ("@mastodonpy_test_2 pssssst", True)
    assert isinstance(answered, Created)
    assert (plain(answered.post.text), answered.ref.place) == ("pssssst!", written.ref.place)
    assert isinstance(edited, Edited)
    assert (plain(edited.post.text), edited.ref) == ("only real animals respond.", posted.ref)
    assert isinstance(deleted, Deleted)
    assert deleted.ref == posted.ref
    assert conversations == [None, None]


def test_a_recorded_edit_is_the_same_post_with_another_text(found: Recorded) -> None:
    before, after, *_ = found.of("test_status_edit")
    me = seen_by(before["account"])
    created, [edited] = read(before), parse(raw_of(hearing.edited(ACCOUNT, after)), me)
    assert isinstance(created, Created)
    assert isinstance(edited, Edited)
    assert created.ref == edited.ref
    assert plain(created.post.text).endswith("VS Code")
    assert plain(edited.post.text).endswith("Kate")
    assert edited.revision
    assert edited.at > created.at


@pytest.mark.scenario("I01")
def test_recorded_files_have_a_name_a_kind_and_an_address(found: Recorded) -> None:
    [status] = found.of("test_media_post_multiple")
    event = read(status)
    assert isinstance(event, Created)
    assert [media.mime for media in event.post.media] == ["image/jpeg", "image/jpeg"]
    assert all(media.name and media.source.startswith("http") for media in event.post.media)


@pytest.mark.scenario("H09")
def test_a_recorded_poll_can_be_read(found: Recorded) -> None:
    [status] = found.of("test_polls")
    event = read(status)
    assert isinstance(event, Created)
    assert plain(event.post.text) == (
        f"nice\n\n- four twenty\n- sixty-nine\n\nvote (several answers): {status['url']} until 2026-10-14 19:11 UTC"
    )


@pytest.mark.parametrize(
    ("recording", "says"),
    [("test_status_post_with_quote", True), ("test_status_reply_with_quote", True), ("test_status_quote_revoke", False)],
)
def test_a_recorded_quote_is_named_once_until_it_is_revoked(found: Recorded, recording: str, says: bool) -> None:  # noqa: FBT001
    status = [one for one in found.of(recording) if one["quote"]][-1]
    event = read(status)
    assert isinstance(event, Created)
    assert plain(event.post.text).count("RE: http") == says


@pytest.mark.scenario("K01")
def test_of_recorded_boosts_only_those_of_other_peoples_open_posts_are_told(found: Recorded) -> None:
    boosts = [status for status in everybody(found) if status["reblog"]]
    assert boosts
    for status in boosts:
        inner = status["reblog"]
        mine = inner["account"]["id"] == status["account"]["id"]
        event = read(status)
        assert isinstance(event, Ignored) == (mine or inner["visibility"] not in ("public", "unlisted"))
        if isinstance(event, Created):
            assert f"@{inner['account']['acct']}@localhost:3000" in plain(event.post.text)
            assert inner["url"] in plain(event.post.text)
        assert isinstance(read(status, Identity(ACCOUNT, UserId("0"), "nobody", "localhost:3000")), Ignored)


@pytest.mark.scenario("H07")
@pytest.mark.parametrize("visibility", ["direct", "private", "unlisted", "public"])
def test_a_recorded_warning_is_kept(found: Recorded, visibility: str) -> None:
    [status] = found.of(f"test_status_post[Content warning-{visibility}]")
    event = read(status)
    assert isinstance(event, Created)
    assert (event.post.warning, event.post.audience) == ("Content warning", AUDIENCES[visibility])
