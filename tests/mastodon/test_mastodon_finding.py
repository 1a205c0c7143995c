"""Which of our statuses is the lost one, on servers that show the same thing in different ways."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from adapters.mastodon.finding import Gone, Wanted, look
from adapters.mastodon.render import Draft
from bridge.contract import Absent, Attempt, Part, Thread
from bridge.post import AccountId, Destination, UserId, direct
from tests.mastodon.conftest import TIMELINE

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
KARL = Destination(direct(AccountId("allhands"), UserId("3")))
LINK = '<span class="h-card"><a href="https://far.example/@karl" class="u-url mention">@<span>karl</span></a></span>'


def wanted(words: str, destination: Destination = TIMELINE, visibility: str = "private") -> Wanted:
    attempt = Attempt("key", destination, Part(""), Thread(), NOW - timedelta(seconds=1))
    return Wanted.of(attempt, Draft(words, "", visibility, "", sensitive=False), frozenset())


def status(number: int, content: str, visibility: str = "private", to: str = "") -> dict[str, object]:
    mentions = [{"id": to}] if to else []
    return {"id": str(number), "content": content, "visibility": visibility, "created_at": NOW, "mentions": mentions}


async def found(one: Wanted, *page: dict[str, object], sources: Mapping[str, str | None]) -> object:
    async def page_before(before: str | None) -> list[dict[str, object]]:
        return [] if before else list(page)

    async def source_of(status_id: str) -> str | None:
        if status_id not in sources:
            raise Gone
        return sources[status_id]

    outcome = await look(one, page_before, source_of)
    return outcome["id"] if isinstance(outcome, Mapping) else outcome


async def test_a_direct_message_is_found_however_its_address_is_shown() -> None:
    one = wanted("who is this?", KARL, "direct")
    shown = status(1, f"<p>{LINK} who is this?</p>", "direct", to="3")
    assert await found(one, shown, sources={"1": "@karl@far.example who is this?"}) == "1"
    assert await found(one, shown, sources={"1": "@karl who is this?"}) == "1"
    assert await found(one, shown, sources={"1": None}) == "1"
    assert await found(one, shown, sources={"1": "@karl who is that?"}) == Absent()


async def test_the_same_words_to_somebody_else_are_not_it() -> None:
    one = wanted("who is this?", KARL, "direct")
    assert await found(one, status(1, f"<p>{LINK} who is this?</p>", "direct", to="4"), sources={"1": None}) == Absent()


async def test_a_leading_address_counts_where_nobody_is_addressed() -> None:
    assert await found(wanted("yes"), status(1, "<p>@karl yes</p>"), sources={"1": None}) == Absent()


async def test_one_that_is_gone_does_not_end_the_look() -> None:
    page = [status(2, "<p>yes</p>"), status(1, "<p>yes</p>")]
    assert await found(wanted("yes"), *page, sources={"1": "yes"}) == "1"


async def test_one_that_is_wider_is_found_and_one_that_is_narrower_is_not() -> None:
    assert await found(wanted("yes"), status(1, "<p>yes</p>", "unlisted"), sources={"1": "yes"}) == "1"
    assert await found(wanted("yes"), status(1, "<p>yes</p>", "limited"), sources={"1": "yes"}) == "1"
    assert await found(wanted("yes"), status(1, "<p>yes</p>", "direct"), sources={"1": "yes"}) == Absent()
