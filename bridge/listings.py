"""What the service answers, as lines for people: who follows, what was decided, what is held or was missed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

Json = Mapping[str, Any]


def followers(answer: Json) -> Iterator[str]:
    """Each account's door: who asks, then who follows."""
    if not answer["accounts"]:
        yield "No account of the mapping file approves its followers."
    for account in answer["accounts"]:
        asking, following = account["asking"], account["following"]
        yield f"{account['account']}: {len(following)} follow, {len(asking)} ask to."
        if account["trouble"]:
            yield f"  ! {account['trouble']}"
        if not account["looked"]:
            yield "  Its followers were not looked through yet."
        yield from (f"  asks     {_person(each)}" for each in asking)
        yield from (f"  follows  {_person(each)}" for each in following)


def _person(each: Json) -> str:
    known = f", {each['person']} in the mapping file" if each["person"] else ""
    advice = f"\n           {_safe(each['advice'])}" if each["advice"] else ""
    return _safe(f"{each['handle']} ({each['name']}{known}) since {_time(each['since'])}") + advice


def decisions(answer: Json) -> Iterator[str]:
    """The audit log, newest first."""
    if not answer["decisions"]:
        yield "Nothing was decided yet."
    for each in answer["decisions"]:
        yield _safe(f"{_time(each['at'])}  {each['what']:<8} {each['handle']} at {each['account']}, by {each['by']}")


def held(answer: Json) -> Iterator[str]:
    """What waits for a human, newest first."""
    yield from _posts(answer["held"]) if answer["held"] else ("Nothing is held.",)


def missed(answer: Json) -> Iterator[str]:
    """What was heard too late to be copied, newest first; the times are when it was written."""
    yield from _posts(answer["missed"]) if answer["missed"] else ("Nothing was missed.",)


def _posts(found: Iterable[Json]) -> Iterator[str]:
    for each in found:
        who = " ".join(filter(None, (each["who"], f"({each['handle']})" if each["handle"] else ""))) or "unknown"
        where = f"{each['account']}/{each['place']}" if each["place"] else each["account"]
        yield f"{each['id']}  {_time(each['at'])}  {_safe(who)} at {where}: {each['why']}"
        if each["line"]:
            yield f"    {_safe(each['line'])}"


def _safe(words: str) -> str:
    """Without what a terminal would obey: strangers choose their names."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in words)


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
