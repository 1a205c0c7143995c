"""Pages are read as the server wrote them; nothing it writes may end the listening."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from mastodon import MastodonAPIError

from adapters.mastodon import feeds, hearing
from bridge.post import AccountId

GOOD = {"id": "3", "created_at": "2026-01-01T00:00:00.000Z", "edited_at": None}


class Client:
    """An SDK's client, as far as pages need it: it answers `said` and remembers what was asked."""

    def __init__(self, said: bytes) -> None:
        self.said = said
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    def _Mastodon__api_request(self, method: str, path: str, params: Mapping[str, Any], *, parse: bool) -> bytes:  # noqa: N802 - the SDK's
        assert (method, parse) == ("GET", False)
        self.asked.append((path, params))
        return self.said


def calling(client: Client) -> feeds.Call:
    async def call(do: Callable[[Any], Any], /) -> Any:
        return do(client)

    return call


async def test_a_page_asks_for_what_comes_after_or_before_an_id() -> None:
    client = Client(b"[]")
    statuses, mentions = feeds.statuses(calling(client), "7", "0"), feeds.mentions(calling(client), "0")
    assert await statuses.after("0") == await statuses.before(None) == await mentions.before("9") == []
    assert client.asked == [
        ("/api/v1/accounts/7/statuses", {"limit": 40, "min_id": "0"}),
        ("/api/v1/accounts/7/statuses", {"limit": 40}),
        ("/api/v1/notifications", {"limit": 40, "types[]": ["mention"], "max_id": "9"}),
    ]


@pytest.mark.parametrize("odd", ["garbage", "2026-01-01 00:00:00 UTC", "", 17, None, [], {}])
async def test_a_time_that_is_none_is_left_out(odd: object) -> None:
    page = json.dumps([{**GOOD, "created_at": odd}, {**GOOD, "id": "2", "edited_at": odd}]).encode()
    items = await feeds.statuses(calling(Client(page)), "7", "0").after("0")
    assert [item["id"] for item in items] == ["3", "2"]
    assert [hearing.created(AccountId("a"), item).revision for item in items] == ["", ""]


async def test_what_has_no_id_is_passed_over() -> None:
    page = json.dumps([{"created_at": "x"}, GOOD, {**GOOD, "id": "1", "status": {**GOOD, "id": None}}]).encode()
    mentions = feeds.mentions(calling(Client(page)), "0")
    items = await mentions.after("0")
    assert [(item["id"], mentions.status_of(item)) for item in items] == [("3", None), ("1", None)]


@pytest.mark.parametrize("said", [b"", b"<html>", b"{}", b'["a"]', b"null"])
async def test_what_is_no_page_is_an_error_of_the_servers(said: bytes) -> None:
    with pytest.raises(MastodonAPIError):
        await feeds.statuses(calling(Client(said)), "7", "0").after("0")
