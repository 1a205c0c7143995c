"""What was heard, as raws: one key per thing however it came, by stream or by page. Sees the SDK's entities only here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from bridge.post import AccountId, Raw

Entity = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Heard:
    """A raw and what it is about. `revision` is the time of the status's last edit, empty before one; None: it is gone."""

    raw: Raw
    status_id: str
    revision: str | None
    appeared: bool = False


def created(account: AccountId, status: Entity) -> Heard:
    """A status appeared."""
    raw = Raw(account, f"status:{status['id']}", _body("create", status), _at(status.get("created_at")))
    return Heard(raw, str(status["id"]), iso(status.get("edited_at")), appeared=True)


def edited(account: AccountId, status: Entity) -> Heard:
    """A status was changed; each edit has a key of its own."""
    at = iso(status.get("edited_at"))
    revision = at or sha256(_body("edit", status)).hexdigest()[:16]
    raw = Raw(account, f"status:{status['id']}:edit:{revision}", _body("edit", status), _at(status.get("edited_at")))
    return Heard(raw, str(status["id"]), at)


def poll_ended(account: AccountId, status: Entity) -> Heard:
    """A poll is over; the status now says what came of it."""
    raw = Raw(account, f"status:{status['id']}:poll", _body("poll", status), datetime.now(UTC))
    return Heard(raw, str(status["id"]), iso(status.get("edited_at")))


def deleted(account: AccountId, status_id: str) -> Heard:
    """A status is gone; the server says no more than its id, and not when."""
    body = json.dumps({"kind": "delete", "id": status_id}).encode()
    return Heard(Raw(account, f"status:{status_id}:delete", body, datetime.now(UTC)), status_id, None)


def of_event(account: AccountId, user: str, name: str, payload: object) -> Heard | None:
    """What one stream event tells; None for what is not for us (other people's posts, typing, filters …).

    Raises `ValueError`, `KeyError` or `TypeError` for an event that should be for us and cannot be read.
    """
    if name == "delete":
        return deleted(account, _id(payload))
    about = {"update": created, "status.update": edited, "status_update": edited}
    if name != "notification" and name not in about:
        if not name:
            raise ValueError("an event without a name")
        return None
    if not isinstance(payload, Mapping):
        raise TypeError("an event about no status")
    if name == "notification":
        status = payload.get("status")
        make = {"mention": created, "update": edited, "poll": poll_ended}.get(str(payload.get("type")))
        return make(account, status) if make and isinstance(status, Mapping) and _concerns(status, user) else None
    return about[name](account, payload) if _concerns(payload, user) else None


def _id(payload: object) -> str:
    """The id that is all of a deletion's payload."""
    if not isinstance(payload, str | int) or not str(payload).strip():
        raise ValueError("a deletion of nothing")
    return str(payload)


def _concerns(status: Entity, user: str) -> bool:
    """Whether the account wrote it or is named in it; the home stream carries everyone the account follows."""
    if "account" not in status or "id" not in status:
        return False
    if status.get("reblog"):
        return str(status["account"]["id"]) == user
    named = (mention["id"] for mention in status.get("mentions") or ())
    return str(status["account"]["id"]) == user or user in map(str, named)


def _body(kind: str, status: Entity) -> bytes:
    """The same bytes for the same status: what the SDK reads as times, a stream has as words."""
    times = {name: iso(status[name]) or None for name in ("created_at", "edited_at") if name in status}
    told = {"kind": kind, "status": {**status, **times}}
    return json.dumps(told, default=_plain, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _plain(value: object) -> str:
    return iso(value) if isinstance(value, datetime) else str(value)


def iso(value: object) -> str:
    """A time the way every transport writes it, whatever type the SDK made of it."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.astimezone(UTC).isoformat(timespec="microseconds") if isinstance(value, datetime) else ""


def _at(value: object) -> datetime:
    at = iso(value)
    return datetime.fromisoformat(at) if at else datetime.now(UTC)
