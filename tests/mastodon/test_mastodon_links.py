"""Which status a link means, whatever the server's way of writing it."""

from __future__ import annotations

import pytest

from adapters.mastodon.links import located
from bridge.post import AccountId, NativeId, Place, PlaceId, Ref

TIMELINE = Place(AccountId("allhands"), PlaceId("timeline"))
SERVER = "https://social.example"


@pytest.mark.parametrize(
    ("path", "native"),
    [
        ("/@allhands/4711", "4711"),
        ("/@karl@other.example/4711", "4711"),
        ("/web/@allhands/4711", "4711"),
        ("/deck/@allhands/4711", "4711"),
        ("/users/allhands/statuses/4711", "4711"),
        ("/users/allhands/statuses/4711/activity", "4711"),
        ("/web/statuses/4711", "4711"),
        ("/@allhands/statuses/01HXYZ9", "01HXYZ9"),
        ("/@allhands/4711?x=1#y", "4711"),
    ],
)
def test_a_link_means_its_status(path: str, native: str) -> None:
    assert located(SERVER + path, SERVER, TIMELINE) == Ref(TIMELINE, NativeId(native))


@pytest.mark.parametrize(
    "words",
    [
        "https://other.example/@allhands/4711",
        "https://social.example:8443/@allhands/4711",
        "https://social.example/@allhands",
        "https://social.example/about",
        "ftp://social.example/@allhands/4711",
        "https://[",
        "4711",
    ],
)
def test_any_other_link_means_none(words: str) -> None:
    assert located(words, SERVER, TIMELINE) is None
