"""Readers who ask something of us, are told something, and answer it. No tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from bridge import standing
from bridge.post import Destination, NativeId, Ref, UserId, Wish, Wished, direct
from bridge.store import inward, sql
from tests.core.desk import Desk
from tests.core.letters import CHAIR, NOON, Letters, serve_by
from tests.core.worlds import LEE, MAIL, MAILS, created

NEW = "new@home.example"
_numbers = iter(range(10_000))


def wish(wished: Wished, address: str = CHAIR, until: str = "", doubt: str = "") -> Wish:
    ref = Ref(MAILS, NativeId(f"w{next(_numbers)}"))
    return Wish(ref, address, wished, datetime.fromtimestamp(NOON, UTC), "Somebody", until, doubt)


async def ask(desk: Desk, *wishes: Wish) -> None:
    """Hear what is asked; what is known of readers afterwards is what routing knows."""
    raw = desk.raw(MAIL)
    assert await desk.write(lambda tx: inward.take(tx, raw, desk.now))
    [mine] = [one for one in await desk.waiting(MAIL) if one.raw.key == raw.key]
    await desk.judge(mine, *wishes)
    await look(desk)


async def look(desk: Desk) -> None:
    desk.world = await desk.read(lambda tx: standing.today(tx, desk.world))


async def told(desk: Desk, address: str) -> list[str]:
    """What the person was told since the last look."""
    letters = Letters()
    await serve_by(desk, letters, Destination(direct(MAIL, UserId(address))))
    return letters.sent


async def answer(desk: Desk, address: str, by: str = "") -> None:
    """Answer the last notice that the person got; `by` somebody else, if given."""
    rows = [row for row in await desk.rows(sql.receipt) if row.person == address]
    place = direct(MAIL, UserId(address))
    author = replace(LEE, user=UserId(by or address), handles=(by or address,))
    post = created("yes", place=MAILS, author=author, gated=False, reply_to=Ref(place, NativeId(rows[-1].native)))
    await desk.hear(post)
    await look(desk)
