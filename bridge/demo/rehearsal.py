"""A rehearsal before the doors open: one post from each side pays for what loads at first use, so that no visitor's does.

The page leaves it out; it goes the real way, and is deleted again wherever that can be done.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from bridge.contract import Act
from bridge.demo.cast import Kind, Role, Voice
from bridge.demo.stage import Stage
from bridge.demo.verdict import copies_of
from bridge.post import Destination

LINE = "Rehearsal before the doors open"
PATIENCE_S = 15.0
LOOK_S = 0.02


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One rehearsal post: its text, and where its copies went. They stand on where nothing can be deleted."""

    text: str
    origin: str
    to: Sequence[Destination]


async def rehearse(stage: Stage, roles: Sequence[Role]) -> Sequence[Rehearsed]:
    """Post, see it arrive, delete it. What takes too long is left standing; the page leaves it out all the same."""
    sides = [role for role in roles if role.kind is not Kind.INBOX and Act.DELETE in role.sandbox.can]
    done = []
    for role in sides:
        voice = next(voice for voice in reversed(role.voices) if not voice.direct)
        post = Rehearsed(f"{LINE}, {role.title}", role.title, stage.others(role.account, voice.person))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await _once(stage, role, voice, post)
        done.append(post)
    return done


async def _once(stage: Stage, role: Role, voice: Voice, post: Rehearsed) -> None:
    native = await role.say(voice, post.text)
    # The journals can't wake anybody: they are looked at.
    while not all(copies_of({each.account: stage.town.sandboxes[each.account].standing()}, post.text, each) for each in post.to):  # noqa: ASYNC110
        await asyncio.sleep(LOOK_S)
    await role.sandbox.delete(native)
    erasing = [sandbox for sandbox in stage.town.sandboxes.values() if Act.DELETE in sandbox.can]
    while any(LINE in one.text for sandbox in erasing for one in sandbox.standing()):  # noqa: ASYNC110
        await asyncio.sleep(LOOK_S)
