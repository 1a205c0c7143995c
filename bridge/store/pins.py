"""Which ids the places' names in the mapping file were found to mean, and lanes made before that was known."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection, select, update

from bridge.post import AccountId, PlaceId
from bridge.reasons import Reason
from bridge.store import lanes, outward, sql
from bridge.store.values import Claim


def all_pins(tx: Connection) -> dict[tuple[AccountId, str], PlaceId]:
    """Every name that was pinned so far."""
    rows = tx.execute(select(sql.pin))
    return {(AccountId(row.account), row.name): PlaceId(row.place) for row in rows}


def pin(tx: Connection, account: AccountId, name: str, place: PlaceId, stand_in: PlaceId) -> None:
    """Pin a name for good; what waited under its stand-in now goes to the place."""
    sql.upsert(tx, sql.pin, ("account", "name"), account=account, name=name, place=place)
    c = sql.lane.c
    waiting = update(sql.lane).where(c.account == account, c.place == stand_in).values(not_before=0.0, paused="")
    taken = select(c.id).where(c.account == account, c.place == place)
    if tx.execute(taken.limit(1)).first() is None:
        waiting = waiting.values(place=place, epoch=c.epoch + 1, owner="")
    tx.execute(waiting)  # where the place has lanes already, `move` brings it there


def move(tx: Connection, claim: Claim, name: str) -> bool:
    """What waits in a stand-in's lane goes to the end of its place's lane; False while the name is not pinned.

    A post that was routed just before the name was pinned is queued under the stand-in just after.
    """
    p, d = sql.pin.c, sql.delivery.c
    found = tx.execute(select(p.place).where(p.account == claim.lane.account, p.name == name)).scalar_one_or_none()
    if found is None or claim.lane.destination is None or not lanes.owns(tx, claim):
        return False
    place = replace(claim.lane.destination.place, id=PlaceId(found))
    lane_id = lanes.lane_of(tx, replace(claim.lane.destination, place=place))
    for row in tx.execute(select(d.id, d.event_id).where(d.lane_id == claim.lane.id).order_by(d.seq)).all():
        seq = lanes.draw(tx, lane_id)  # its lock comes before the look, so that nobody queues the event in between
        there = select(d.id).where(d.event_id == row.event_id, d.lane_id == lane_id)
        if tx.execute(there).first() is None:
            tx.execute(update(sql.delivery).where(d.id == row.id).values(lane_id=lane_id, seq=seq))
        else:  # two names turned out to mean one place
            outward.withdraw(tx, row.id, Reason.DUPLICATE, lanes.database_now(tx))
    return True
