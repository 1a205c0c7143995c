"""What the bridge itself says: written down with a key and queued, in the transaction of what it is about."""

from __future__ import annotations

from datetime import UTC, datetime

from bridge.notices import Notice
from bridge.post import Audience, Author, Destination, EventKind, NativeId, Place, Post, Ref, UserId
from bridge.store import Tx, ledger, outward
from bridge.store.outward import NewDelivery

NOTICE_LIFE_S = 24 * 3600.0
"""A notice that could not be brought within a day helps nobody any more."""
_BRIDGE = Author(UserId("viabridge"), "viabridge", (), is_bot=True)


def was_said(tx: Tx, key: str, place: Place) -> bool:
    """Whether the notice with this key was written down before; cheaper than to say it again."""
    return ledger.stands(tx, _ref(key, place))


def _ref(key: str, place: Place) -> Ref:
    return Ref(place, NativeId(f"{ledger.NOTICE}{key}"))


STRANGERS_A_DAY = 50
"""How many answers an account gives in a day to people nobody knows; the others' mail is kept all the same, and listed."""
_DAY_S = 24 * 3600.0
_TO_STRANGERS = ("join:", "not-open:", "not-yours:", "nobody-reads:", "reads:", "waits:")
"""How the keys begin of what is said to whoever wrote, whoever that is."""


def notify_anybody(tx: Tx, notice: Notice, now: float) -> set[int]:
    """As `notify`, for an answer to whoever wrote. A robot that writes under ever new names would be answered for ever."""
    if ledger.notices_since(tx, notice.place.account, _TO_STRANGERS, now - _DAY_S) >= STRANGERS_A_DAY:
        return set()
    return notify(tx, notice, now)


def notify(tx: Tx, notice: Notice, now: float) -> set[int]:
    """Write a notice down and queue it; once per key, for ever. The lanes with new work."""
    ref = _ref(notice.key, notice.place)
    at = datetime.fromtimestamp(now, UTC)
    post = Post(ref, _BRIDGE, notice.text, Audience.DIRECT, at, reply_to=notice.answers, mark=notice.mark)
    parent = ledger.find_post(tx, notice.answers) if notice.answers else None
    post_id = ledger.add_post(tx, ref, _BRIDGE, now, body=post, parent=parent, subject="viabridge")
    event_id = ledger.add_event(tx, post_id, EventKind.NOTICE, "", raw_id=None, at=now, now=now, verdict="notice", reason="")
    if event_id is None:
        return set()
    new = NewDelivery(Destination(notice.place), EventKind.NOTICE, "", "", Audience.DIRECT, give_up_at=now + NOTICE_LIFE_S)
    return set(outward.queue(tx, event_id, post_id, [new], now))
