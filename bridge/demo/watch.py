"""Watching the town: looks at the journals and the ledger, and hands out what changed, each change with a higher number."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from bridge.contract import Standing
from bridge.demo.board import Board, board
from bridge.demo.cast import Role, roles
from bridge.demo.look import Look, Outage, Written
from bridge.demo.rehearsal import LINE
from bridge.demo.stage import Stage
from bridge.demo.tally import Seen, originals, tally
from bridge.post import DIRECT, AccountId, Destination
from bridge.store.audit import claims
from bridge.store.lineage import families

LOOK_S = 0.025
"""How often the journals are looked at while somebody watches: well below what an eye notices."""
SETTLE_S = 2.0
"""For how long after a change the ledger is looked at too, though the journals rest."""
REST_S = 1.0
KEEP_ALIVE_S = 15.0

Render = Callable[[Board], Mapping[str, str]]
"""Draws the board's pieces, by their ids in the page; a piece is redrawn as a whole."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """One piece of the page and the number of its last change; without `html` it is gone."""

    number: int
    html: str | None


class Watch:
    """`run` keeps looking; `changes` streams. The page is made of pieces: who comes back gets only those that changed."""

    def __init__(self, stage: Stage, render: Render) -> None:
        self._stage = stage
        self._render = render
        self._pieces: dict[str, _Piece] = {}
        self._number = 0
        self._run_id = secrets.token_hex(4)  # numbers start again with every run; a tab of an earlier one must notice
        self._changed = asyncio.Event()
        self._asked = asyncio.Event()
        self._readers = 0
        self._looking = asyncio.Lock()
        self._journals: object = None
        self._moved_at = 0.0
        self._rehearsed: set[tuple[AccountId, str]] = set()
        self._doors_opened_at: float | None = None
        self._written_at: dict[tuple[AccountId, str], float] = {}
        self.roles: Sequence[Role] = roles(stage.town)
        self.typed: dict[tuple[AccountId, str], Written] = {}
        self.away: dict[AccountId, float] = {}
        self._past: list[Outage] = []
        self.board: Board | None = None

    @property
    def position(self) -> str:
        """Up to where the page as it is now goes."""
        return f"{self._run_id}-{self._number}"

    def open_doors(self) -> None:
        """The rehearsal is over."""
        self._doors_opened_at = time.time()
        self.touch()

    async def run(self) -> None:
        """Look until cancelled; seldom while nobody watches."""
        while True:
            if await self._due():
                await self.look()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S if self._readers else REST_S):
                    await self._asked.wait()
                    self._asked.clear()

    async def _due(self) -> bool:
        """The journals moved, or the ledger may still be writing down what came of it."""
        now, journals = time.monotonic(), self._stand()
        if journals != self._journals:
            self._journals, self._moved_at = journals, now
            return True
        last = self.board.tally if self.board else None
        restless = last is None or any((*last.waiting.values(), *last.leaving.values(), last.lost, last.doubled))
        return restless or now - self._moved_at < SETTLE_S

    async def look(self) -> None:
        """Look now, and number what changed."""
        async with self._looking:
            seen = await self._seen()
            self._written_at |= {(account, str(one.id)): one.at for account, one in originals(seen)}
            look = Look(self.roles, seen, self.typed, self._written_at, self._outages(seen.now))
            self.board = board(look, tally(look.seen, self._others(look.seen)))
            self._note(self._render(self.board))

    def unplugged(self, account: AccountId) -> None:
        """The account is away from now on."""
        self.away.setdefault(account, time.time())

    def plugged(self, account: AccountId) -> None:
        """The account is back."""
        now = time.time()
        self._past.append(Outage(account, self.away.pop(account, now), now))

    def _outages(self, now: float) -> Sequence[Outage]:
        return [*self._past, *(Outage(account, begin, now) for account, begin in self.away.items())]

    async def _seen(self) -> Seen:
        store = self._stage.service.store
        before = self._stand()
        known, waiting = await store.read(families), (await store.read(claims)).raws_waiting
        return Seen(
            before=before,
            families=[each for each in known if (each.ref.place.account, str(each.ref.id)) not in self._rehearsed],
            after=self._stand(),
            raws_waiting=waiting,
            now=time.time(),
            away=frozenset(self.away),
            plugged_at={outage.account: outage.end for outage in self._past},
            places={role.account: self._stage.place(role.account).id for role in self.roles},
        )

    def _stand(self) -> Mapping[AccountId, tuple[Standing, ...]]:
        """The journals, without the rehearsal, whose posts are noted so that the ledger's view of them is left out too."""
        shown: dict[AccountId, tuple[Standing, ...]] = {}
        for account, sandbox in self._stage.town.sandboxes.items():
            standing = sandbox.standing()
            shown[account] = tuple(one for one in standing if LINE not in one.text and not self._is_greeting(one))
            self._rehearsed |= {(account, str(one.id)) for one in standing if LINE in one.text}
        return shown

    def _is_greeting(self, one: Standing) -> bool:
        """Whether it greets a reader with their first mail, which the rehearsal brought them."""
        opened_at = self._doors_opened_at
        return one.by_bridge and one.place == DIRECT and one.reader is not None and (opened_at is None or one.at <= opened_at)

    def _others(self, seen: Seen) -> Mapping[tuple[AccountId, str], Sequence[Destination]]:
        return {
            (account, str(one.id)): self._stage.others(account, one.user, direct=one.place == DIRECT)
            for account, one in originals(seen)
        }

    def _note(self, pieces: Mapping[str, str]) -> None:
        before = self._number
        for name, html in pieces.items():
            if name not in self._pieces or self._pieces[name].html != html:
                self._number += 1
                self._pieces[name] = _Piece(self._number, html)
        for name, piece in self._pieces.items():
            if name not in pieces and piece.html is not None:
                self._number += 1
                self._pieces[name] = _Piece(self._number, None)
        if self._number != before:
            self._changed.set()
            self._changed = asyncio.Event()

    def touch(self) -> None:
        """Something was done on the page: look at once."""
        self._moved_at = time.monotonic()
        self._asked.set()

    # ---------------------------------------------------------------- the stream

    async def changes(self, since: str, closing: asyncio.Event) -> AsyncIterator[str]:
        """Server-sent events after `since` (a position), until `closing`."""
        run, _, number = since.rpartition("-")
        if run != self._run_id or not number.isdecimal():
            yield "event: reload\ndata: {}\n\n"
            return
        sent = int(number)
        self._readers += 1
        self._asked.set()
        ended = asyncio.ensure_future(closing.wait())
        try:
            while not closing.is_set():
                # What changes while we are sending comes with the next round: the mark is set before the first yield.
                changed, events, sent = self._changed, self._since(sent), self._number
                for event in events:
                    yield event
                woken = asyncio.ensure_future(changed.wait())
                await asyncio.wait((woken, ended), timeout=KEEP_ALIVE_S, return_when=asyncio.FIRST_COMPLETED)
                if not woken.done():
                    woken.cancel()
                    yield ": still here\n\n"
        finally:
            ended.cancel()
            self._readers -= 1

    def _since(self, number: int) -> list[str]:
        new = sorted((piece.number, name, piece.html) for name, piece in self._pieces.items() if piece.number > number)
        return [
            f"id: {self._run_id}-{at}\ndata: {json.dumps({'id': name, 'html': html}, ensure_ascii=False)}\n\n"
            for at, name, html in new
        ]
