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


def why(answer: Json) -> Iterator[str]:
    """A message's story."""
    yield from map(_safe, answer["words"])


def said(answer: Json) -> Iterator[str]:
    """What came of a command."""
    yield from map(_safe, answer["said"])


def commands(answer: Json) -> Iterator[str]:
    """What was asked of the bridge, newest first."""
    if not answer["commands"]:
        yield "Nothing was asked of the bridge yet."
    for each in answer["commands"]:
        where = f"{each['account']}/{each['place']}" if each["account"] else "this machine"
        yield _safe(f"{_time(each['at'])}  {each['outcome']:<8} {each['by']} at {where}: {each['words']}")


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
        does = "is no member of" if each["reason"] == "offboarded" else "at"
        yield f"{each['id']}  {_time(each['at'])}  {_safe(who)} {does} {where}: {each['why']}"
        if each["line"]:
            yield f"    {_safe(each['line'])}"


def undelivered(answer: Json) -> Iterator[str]:
    """What was not delivered, oldest first, with the reason; and how to go on."""
    if not answer["undelivered"]:
        yield "Everything was delivered."
        return
    for each in answer["undelivered"]:
        yield _safe(f"{each['id']}  {_time(each['ended_at'])}  {_copy(each)}: {each['sentence']}")
        if each["line"]:
            yield _safe(f"    {each['author']}: {each['line']}")
    total, shown = sum(answer["groups"].values()), len(answer["undelivered"])
    yield f"{shown} of {total}; by group: " + ", ".join(f"{group or 'notices'} {n}" for group, n in answer["groups"].items())
    if shown < total:
        yield f"For more: --after {answer['undelivered'][-1]['id']}"


def one_undelivered(answer: Json) -> Iterator[str]:
    """All that is known of one."""
    for each in answer["undelivered"]:
        yield _safe(f"{each['id']}: {_copy(each)}")
        yield _safe(f"  {each['author']}: {each['line']}")
        yield _safe(f"  reason    {each['reason']}: {each['sentence']}")
        yield _safe(f"  group     {each['group'] or '(a notice of the bridge)'}, from {each['from']}, message {each['ref']}")
        yield f"  accepted  {_time(each['accepted_at'])}, ended {_time(each['ended_at'])}"
        yield f"  attempts  {each['attempts']}" + (f", replayed {each['replays']} times" if each["replays"] else "")
        if each["perhaps_sent"]:
            yield "  perhaps   it stands there all the same; a replay looks first"
        how = f"viabridge undelivered replay {each['id']}"
        yield f"  replay    {each['obstacle'] or how}"


def stopped(answer: Json) -> Iterator[str]:
    """Whose posts wait because they went in circles, and how they go on."""
    if not answer["stopped"]:
        yield "Nobody is stopped."
        return
    for each in answer["stopped"]:
        yield _safe(
            f"{each['id']}  {_time(each['at'])}  {each['name']} ({each['user']}) at {each['account']}/{each['place']}, "
            f"group {each['group']}: {each['waiting']} copies wait. {each['sentence']}"
        )
    yield "Let them go on with `viabridge loops resume NUMBER`; give up what waits with `viabridge loops drop NUMBER`."


def findings(answer: Json) -> Iterator[str]:
    """What looking back found, newest first."""
    if not answer["findings"]:
        yield "Nothing was missing, and nothing stood twice."
    for each in answer["findings"]:
        what = "nobody had told of" if each["kind"] == "gap" else "stood twice:"
        yield _safe(f"{_time(each['at'])}  {each['account']}/{each['place']}: {what} message {each['native']}; {each['outcome']}")


def erased(answer: Json) -> Iterator[str]:
    """What is erased of a person, what would be, and what cannot be recalled."""
    goes = "is being removed" if answer["really"] else "would be removed"
    are = "are" if answer["really"] else "would be"
    yield f"{answer['who']}: {answer['posts']} posts and {answer['notices']} notices {are} forgotten."
    yield from (f"  {goes}: {n} copies at {where}" for where, n in answer["copies"].items())
    yield from (f"  cannot be recalled: {n} copies at {where}" for where, n in answer["cannot_recall"].items())
    yield from (
        f"  stands where it was written: {n} at {where}; only its author or an admin there can remove it"
        for where, n in answer["originals"].items()
    )
    if answer["under_way"]:
        yield f"  {answer['under_way']} were being sent just then; run it once more in a few minutes."
    if answer["in_mapping_file"]:
        yield "  They are still in the mapping file: take them out, or what they write next is mirrored again."
    if not answer["really"]:
        yield "Nothing was done. To do it: the same command with --yes."


def _copy(each: Json) -> str:
    whose = f" for {each['reader']}" if each["reader"] else ""
    return f"{_KINDS.get(each['kind'], each['kind'])} to {each['to']}{whose}"


_KINDS = {"created": "copy", "edited": "change", "deleted": "removal", "notice": "notice"}


def readers(answer: Json) -> Iterator[str]:
    """Who reads what and how often; and who left, is spared, or waits to read along."""
    if not answer["readers"]:
        yield "Nobody reads by mail."
    for each in answer["readers"]:
        since = f" since {_time(each['since'])}" if each["since"] else ""
        how = f": {each['how']}" if each["how"] else ""
        why = f" ({each['points']} points: {each['why']})" if each["points"] else ""
        yield _safe(f"{each['state']:<7} {each['address']} at {each['place']}{since}{how}{why}")


def _safe(words: str) -> str:
    """Without what a terminal would obey: strangers choose their names."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in words)


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
