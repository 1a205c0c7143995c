"""What was heard, as raws: one key per thing however it came, by stream or by page. Sees the SDK's entities only here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from bridge.post import AccountId, Raw

Entity = Mapping[str, Any]


def created(account: AccountId, status: Entity) -> Raw:
    """A status appeared."""
    return Raw(account, f"status:{status['id']}", _body("create", status), _at(status.get("created_at")))


def edited(account: AccountId, status: Entity) -> Raw:
    """A status was changed; each edit has a key of its own."""
    revision = iso(status.get("edited_at")) or sha256(_body("edit", status)).hexdigest()[:16]
    return Raw(account, f"status:{status['id']}:edit:{revision}", _body("edit", status), _at(status.get("edited_at")))


def deleted(account: AccountId, status_id: str) -> Raw:
    """A status is gone; the server says no more than its id, and not when."""
    body = json.dumps({"kind": "delete", "id": status_id}).encode()
    return Raw(account, f"status:{status_id}:delete", body, datetime.now(UTC))


def of_event(account: AccountId, user: str, name: str, payload: object) -> Raw | None:
    """The raw of one stream event; None for what is not for us (other people's posts, typing, filters …)."""
    if name == "delete":
        return deleted(account, str(payload))
    if not isinstance(payload, Mapping):
        return None
    if name == "notification":
        status = payload.get("status")
        make = {"mention": created, "update": edited}.get(str(payload.get("type")))
        return make(account, status) if make and isinstance(status, Mapping) and _concerns(status, user) else None
    make = {"update": created, "status.update": edited, "status_update": edited}.get(name)
    return make(account, payload) if make and _concerns(payload, user) else None


def _concerns(status: Entity, user: str) -> bool:
    """Whether the account wrote it or is named in it; the home stream carries everyone the account follows."""
    if "account" not in status or "id" not in status or status.get("reblog"):
        return False
    named = (mention["id"] for mention in status.get("mentions") or ())
    return str(status["account"]["id"]) == user or user in map(str, named)


def _body(kind: str, status: Entity) -> bytes:
    return json.dumps({"kind": kind, "status": status}, default=_plain, ensure_ascii=False).encode("utf-8", "surrogatepass")


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
