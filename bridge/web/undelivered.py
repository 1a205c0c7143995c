"""What was not delivered, for the command line: listed with the reason, sent again, or given up for good."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from bridge import reasons
from bridge import undelivered as deeds
from bridge.post import Place
from bridge.service import Service
from bridge.store import undelivered
from bridge.store.undelivered import PAGE, Undelivered, Which
from bridge.web.guard import on_purpose

_LONGEST = 500
_MOST = 1000


class Deed(StrEnum):
    REPLAY = "replay"
    DROP = "drop"


class Wanted(BaseModel):
    """What an admin wants done, and about which: some ids, a group, or `everything`; one of them. `by` is who wants it."""

    model_config = ConfigDict(extra="forbid")

    deed: Deed
    by: str = Field(min_length=1, max_length=_LONGEST)
    ids: list[int] = Field([], max_length=_MOST)
    group: str | None = Field(None, max_length=_LONGEST)
    everything: bool = False

    @property
    def which(self) -> Which | None:
        """Which are meant; None where that is not said in one way."""
        ways = [bool(self.ids), self.group is not None, self.everything]
        return Which(tuple(self.ids), self.group) if sum(ways) == 1 else None


def routes(service: Service) -> APIRouter:
    """To be included under /api, behind its guard."""
    router = APIRouter(prefix="/undelivered")

    @router.get("")
    async def listing(
        group: str | None = None, after: int = 0, most: Annotated[int, Query(ge=1, le=_MOST)] = PAGE
    ) -> JSONResponse:
        which = Which(group=group)
        found = await service.store.read(lambda tx: undelivered.listed(tx, which, after, most))
        groups = await service.store.read(undelivered.count)
        return JSONResponse({"undelivered": [_words(service, each) for each in found], "groups": groups})

    @router.get("/{delivery_id}")
    async def show(delivery_id: int) -> JSONResponse:
        found = await service.store.read(lambda tx: undelivered.listed(tx, Which((delivery_id,))))
        if not found:
            return JSONResponse({"error": _nothing(delivery_id)}, status_code=404)
        return JSONResponse({"undelivered": [_words(service, each) for each in found]})

    @router.post("", dependencies=[Depends(on_purpose)])
    async def act(wanted: Wanted) -> JSONResponse:
        which = wanted.which
        if which is None:
            return JSONResponse({"error": "Say which: ids, a group, or everything; one of them."}, status_code=422)
        return await (_replay(service, which, wanted.by) if wanted.deed is Deed.REPLAY else _drop(service, which, wanted.by))

    return router


async def _replay(service: Service, which: Which, by: str) -> JSONResponse:
    done = await deeds.replay(service.store, lambda: service.world, which, by, service.engine.now())
    service.inbox.wake(done.lanes)
    if not done.queued and not done.left:
        return JSONResponse({"error": _nothing(*which.ids)}, status_code=409)
    said = [f"{_how_many(done.queued)} sent again."]
    said += [f"{_how_many(number)} not: {reason.sentence}" for reason, number in done.left.items()]
    return JSONResponse({"done": "\n".join(said), "queued": done.queued, "left": {str(k): n for k, n in done.left.items()}})


async def _drop(service: Service, which: Which, by: str) -> JSONResponse:
    dropped = await deeds.drop(service.store, which, by, service.engine.now())
    if not dropped:
        return JSONResponse({"error": _nothing(*which.ids)}, status_code=409)
    return JSONResponse({"done": f"{_how_many(dropped)} given up for good.", "dropped": dropped})


def _how_many(number: int) -> str:
    return "1 is" if number == 1 else f"{number} are"


def _nothing(*ids: int) -> str:
    if len(ids) == 1:
        return f"Nothing with the number {ids[0]} is undelivered; `viabridge undelivered list` shows what is."
    return "Nothing like that is undelivered."


def _words(service: Service, each: Undelivered) -> dict[str, Any]:
    names = {(account, place): name for (account, name), place in service.world.pins.items()}
    obstacle = deeds.obstacle(each)

    def called(place: Place) -> str:
        if place.is_direct:
            return f"{place.account}/a direct message"
        return f"{place.account}/{names.get((place.account, place.id), place.id)}"

    return {
        "id": each.id,
        "group": each.group,
        "kind": each.kind,
        "author": each.author,
        "line": each.line,
        "from": called(each.original.place),
        "ref": each.original.id,
        "to": called(each.destination.place),
        "reader": each.destination.reader,
        "reason": each.reason,
        "sentence": each.detail or reasons.sentence_of(each.reason),
        "accepted_at": each.accepted_at,
        "ended_at": each.ended_at,
        "attempts": each.attempts,
        "replays": each.generation,
        "perhaps_sent": each.perhaps,
        "obstacle": obstacle.sentence if obstacle else "",
    }
