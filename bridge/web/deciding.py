"""What waits for a human, for the command line: decided here, listed elsewhere too."""

from __future__ import annotations

from typing import Literal

import structlog
from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from bridge import offboarding, releasing
from bridge.errors import BridgeError, Retryable
from bridge.routing import World
from bridge.service import Service
from bridge.store import Tx
from bridge.web.guard import on_purpose

_LONGEST = 500
_DONE = {"approve": "goes its way", "discard": "was thrown away"}
_DONE_TO_MEMBERS = {"approve": "is removed", "discard": "stays as it is"}

log = structlog.get_logger()


class Verdict(BaseModel):
    """What an admin decides about something held; `id` as it is listed."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(max_length=100)
    deed: Literal["approve", "discard"]
    by: str = Field(min_length=1, max_length=_LONGEST)


def routes(service: Service) -> APIRouter:
    """To be included under /api, behind its guard."""
    routes = APIRouter()

    @routes.post("/held", dependencies=[Depends(on_purpose)])
    async def decide_held(verdict: Verdict) -> JSONResponse:
        return await _decide_held(service, verdict)

    return routes


async def _decide_held(service: Service, verdict: Verdict) -> JSONResponse:
    def change(tx: Tx, world: World, now: float) -> set[int]:
        if verdict.id.startswith(offboarding.ABOUT):
            return offboarding.decide(tx, verdict.id, world, now, by=verdict.by, no=verdict.deed == "discard")
        if verdict.deed == "approve":
            return releasing.release(tx, verdict.id, world, now)
        releasing.discard(tx, verdict.id)
        return set()

    try:
        await service.decide(change)
    except BridgeError as error:
        return JSONResponse({"error": error.sentence}, status_code=503 if isinstance(error, Retryable) else 409)
    log.info("held.decided", held=verdict.id, deed=verdict.deed, by=verdict.by)
    said = _DONE_TO_MEMBERS if verdict.id.startswith(offboarding.ABOUT) else _DONE
    return JSONResponse({"done": f"{verdict.id} {said[verdict.deed]}."})
