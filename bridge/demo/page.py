"""What the demo's page shows and what its forms do."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.datastructures import FormData

from bridge.demo.board import Board
from bridge.demo.cast import Kind, Role, Voice
from bridge.demo.look import Written, duration
from bridge.demo.stage import Stage
from bridge.demo.watch import Watch
from bridge.post import NativeId

_TEMPLATES = Path(__file__).parent / "templates"
_LONGEST = 5_000
SUGGESTIONS: Mapping[Kind, str] = {
    Kind.CHANNEL: "Can everyone meet @ 2pm today?",
    Kind.TIMELINE: "I can, the train is on time",
    Kind.INBOX: "The board will join by phone",
}
ANSWER = "2pm suits us well"
"""What stands ready in a leader's reply."""


class Refused(Exception):
    """A form that can't be followed, with the sentence to show."""


class Page:
    """What the routes do."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        environment = Environment(
            loader=FileSystemLoader(_TEMPLATES), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True
        )
        environment.filters["duration"] = duration
        self._pieces: Any = environment.get_template("pieces.html").module
        self._whole = environment.get_template("demo.html")
        self._stranger = environment.get_template("stranger.html")
        self.watch = Watch(stage, self._draw)

    def _draw(self, board: Board) -> Mapping[str, str]:
        """Every piece by its id; the page is put together from the same ones."""
        draw = self._pieces
        drawn = {"tally": str(draw.tally(board))}
        for column in board.columns:
            drawn[f"state:{column.role.account}"] = str(draw.state(column))
            for card in column.cards:
                drawn[f"card:{card.account}:{card.key}"] = str(draw.card(card, ANSWER))
        return drawn

    async def html(self) -> str:
        await self.watch.look()
        return self._whole.render(
            board=self.watch.board, position=self.watch.position, suggestions=SUGGESTIONS, answer=ANSWER, pieces=self._pieces
        )

    def role(self, account: str) -> Role:
        found = next((role for role in self.watch.roles if role.account == account), None)
        if found is None:
            raise Refused("There is no such place here.")
        return found

    # ---------------------------------------------------------------- what people do

    async def write(self, form: FormData) -> None:
        role = self.role(_field(form, "account"))
        voice = next((voice for voice in role.voices if voice.id == _field(form, "voice")), None)
        if voice is None:
            raise Refused("Nobody here speaks like that.")
        await self._say(role, voice, _text(form), None)

    async def reply(self, form: FormData) -> None:
        role = self.role(_field(form, "account"))
        person, _, native = _field(form, "as").partition(":")
        if person not in dict(role.handles):
            raise Refused("Nobody here has this name.")
        await self._say(role, Voice(person, person), _text(form), NativeId(native))

    async def _say(self, role: Role, voice: Voice, text: str, reply_to: NativeId | None) -> None:
        native = await role.say(voice, text, reply_to)
        self.watch.typed[role.account, str(native)] = Written(text)

    async def edit(self, form: FormData) -> None:
        role, native, text = self.role(_field(form, "account")), NativeId(_field(form, "native")), _text(form)
        self._theirs(role, native)
        self.watch.typed[role.account, str(native)] = Written(text, time.time())
        await role.sandbox.edit(native, text)

    async def delete(self, form: FormData) -> None:
        role, native = self.role(_field(form, "account")), NativeId(_field(form, "native"))
        self._theirs(role, native)
        await role.sandbox.delete(native)

    def _theirs(self, role: Role, native: NativeId) -> None:
        """People change what they wrote; copies are the bridge's."""
        if not any(one.id == native and not one.by_bridge for one in role.sandbox.standing()):
            raise Refused("That post is gone.")

    async def plug(self, form: FormData) -> None:
        role = self.role(_field(form, "account"))
        if _field(form, "in") == "no":
            self.watch.unplugged(role.account)
            await role.sandbox.unplug()
        else:
            await role.sandbox.plug()
            self.watch.plugged(role.account)
            await self._stage.hurry(role.account)

    async def stranger(self, account: str) -> str:
        """What somebody who follows nobody sees, asked of the sandbox's server now."""
        look = getattr(self.role(account).sandbox, "stranger_view", None)
        if look is None:
            raise Refused("Everybody here is a member.")
        role = self.role(account)
        asked = len(role.sandbox.standing())
        return self._stranger.render(role=role, seen=await look(), asked=asked)


def _field(form: FormData, name: str) -> str:
    value = form.get(name)
    if not isinstance(value, str):
        raise Refused("The form was not complete.")
    return value


def _text(form: FormData) -> str:
    text = _field(form, "text").replace("\r\n", "\n").strip()
    if not text:
        raise Refused("Write something first.")
    if len(text) > _LONGEST:
        raise Refused(f"That is too long for the demo: {len(text)} of at most {_LONGEST} characters.")
    return text
