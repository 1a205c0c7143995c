"""A post as JSON in the ledger, and back."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from bridge import text
from bridge.contract import File
from bridge.post import (
    AccountId,
    Audience,
    Author,
    Mark,
    Media,
    NativeId,
    Place,
    PlaceId,
    Post,
    Ref,
    UserId,
)


def _flat(value: Author | Media) -> dict[str, Any]:
    """Its fields by their names; `dataclasses.asdict` copies each of them deeply, which takes as long as all the rest."""
    return {each.name: getattr(value, each.name) for each in fields(value)}


def dump_post(post: Post) -> str:
    """The post as JSON; `load_post` reads it, also from older versions.

    In ASCII, so that whatever a text holds (NUL, halves of surrogate pairs) no database refuses it.
    """
    return json.dumps(
        {
            "ref": dump_ref(post.ref),
            "author": _flat(post.author),
            "text": text.to_json(post.text),
            "audience": post.audience.name,
            "at": post.at.timestamp(),
            "reply_to": dump_ref(post.reply_to) if post.reply_to else None,
            "gated": post.gated,
            "warning": post.warning,
            "sensitive": post.sensitive,
            "language": post.language,
            "media": [_flat(media) for media in post.media],
            **({"mark": post.mark} if post.mark else {}),
            **({"doubt": post.doubt} if post.doubt else {}),
        },
        separators=(",", ":"),
    )


def load_post(source: str) -> Post:
    """The post that `dump_post` wrote."""
    data = json.loads(source)
    author = data["author"]
    return Post(
        ref=load_ref(data["ref"]),
        author=Author(
            UserId(author["user"]),
            author["name"],
            tuple(author["handles"]),
            author["is_bot"],
            author.get("moved", False),
            author.get("avatar", ""),
        ),
        text=text.from_json(data["text"]),
        audience=Audience[data["audience"]],
        at=datetime.fromtimestamp(data["at"], UTC),
        reply_to=load_ref(data["reply_to"]) if data["reply_to"] else None,
        gated=data["gated"],
        warning=data["warning"],
        sensitive=data["sensitive"],
        language=data["language"],
        media=tuple(Media(**media) for media in data["media"]),
        mark=Mark(data["mark"]) if "mark" in data else None,
        doubt=data.get("doubt", ""),
    )


def dump_files(files: tuple[File, ...]) -> str:
    """A part's files as JSON, without their bytes; empty for none."""
    return json.dumps([_flat(file.media) for file in files], separators=(",", ":")) if files else ""


def load_files(source: str) -> tuple[File, ...]:
    """The files that `dump_files` wrote."""
    return tuple(File(Media(**media)) for media in json.loads(source)) if source else ()


def dump_ref(ref: Ref) -> list[str]:
    """A ref as JSON."""
    return [ref.place.account, ref.place.id, ref.place.person or "", ref.id]


def load_ref(data: list[str]) -> Ref:
    """The ref that `dump_ref` wrote."""
    account, place, person, native = data
    return Ref(
        Place(AccountId(account), PlaceId(place), UserId(person) if person else None),
        NativeId(native),
    )
