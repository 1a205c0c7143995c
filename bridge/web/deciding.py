"""What waits for a human, for the command line: decided here, listed elsewhere too."""

from __future__ import annotations

from typing import Literal

import structlog
from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from bridge import releasing
from bridge.errors import BridgeError, Retryable
from bridge.routing import World
from bridge.service import Service
from bridge.store import Tx
from bridge.web.guard import on_purpose

_LONGEST = 500

log = structlog.get_logger()


class Verdict(BaseModel):
    """What an admin decides about something held; `id` as it is listed."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(max_length=40)
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
