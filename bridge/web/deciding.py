"""What waits for a human, and readers who get nothing for now, for the command line: decided here, listed elsewhere too."""

from __future__ import annotations

from typing import Any, Literal

import structlog
from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from bridge import releasing
from bridge.errors import BridgeError, Retryable
from bridge.routing import World
from bridge.service import Service
from bridge.store import Tx, readers
from bridge.web.guard import on_purpose

_LONGEST = 500

log = structlog.get_logger()


class Verdict(BaseModel):
    """What an admin decides about something held; `id` as it is listed."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(max_length=40)
    deed: Literal["approve", "discard"]
    by: str = Field(min_length=1, max_length=_LONGEST)


class Returning(BaseModel):
    """A reader who is to get posts again."""

    model_config = ConfigDict(extra="forbid")

    address: str = Field(max_length=_LONGEST)
    by: str = Field(min_length=1, max_length=_LONGEST)


def routes(service: Service) -> APIRouter:
    """To be included under /api, behind its guard."""
    routes = APIRouter()

    @routes.post("/held", dependencies=[Depends(on_purpose)])
    async def decide_held(verdict: Verdict) -> JSONResponse:
        return await _decide_held(service, verdict)

    @routes.get("/readers")
    async def how_readers_stand() -> JSONResponse:
        known = await service.store.read(readers.known)
        return JSONResponse({"readers": [_reader(service.world, each) for each in known]})

    @routes.post("/readers", dependencies=[Depends(on_purpose)])
    async def decide_reader(returning: Returning) -> JSONResponse:
        return await _return(service, returning)

    return routes


async def _decide_held(service: Service, verdict: Verdict) -> JSONResponse:
    def change(tx: Tx, world: World, now: float) -> set[int]:
        if verdict.deed == "approve":
            return releasing.release(tx, verdict.id, world, now)
        releasing.discard(tx, verdict.id)
        return set()

    try:
        await service.decide(change)
    except BridgeError as error:
        return JSONResponse({"error": error.sentence}, status_code=503 if isinstance(error, Retryable) else 409)
    log.info("held.decided", held=verdict.id, deed=verdict.deed, by=verdict.by)
    return JSONResponse({"done": f"{verdict.id} {'goes its way' if verdict.deed == 'approve' else 'was thrown away'}."})


async def _return(service: Service, returning: Returning) -> JSONResponse:
    known = await service.store.read(readers.known)
    found = [each for each in known if each.is_away and (each.destination.reader or "").lower() == returning.address.lower()]
    if not found:
        return JSONResponse({"error": f"Nobody called {returning.address} is away: see `viabridge readers`."}, status_code=409)

    def change(tx: Tx, world: World, now: float) -> set[int]:  # noqa: ARG001 - as all decisions
        for each in found:
            readers.put(tx, readers.Standing(each.destination))
        return set()

    await service.decide(change)
    log.info("reader.returned", readers=len(found), by=returning.by)
    return JSONResponse({"done": f"{returning.address} gets posts again."})


def _reader(world: World, known: readers.Standing) -> dict[str, Any]:
    place = known.destination.place
    names = {(str(account), str(place)): name for (account, name), place in world.pins.items()}
    state = "left" if known.left_at else "spared" if known.suspended_at else "reads"
    return {
        "address": known.destination.reader,
        "place": f"{place.account}/{names.get((place.account, place.id), place.id)}",
        "state": state,
        "since": known.left_at or known.suspended_at,
        "points": known.points,
        "why": known.why,
    }
