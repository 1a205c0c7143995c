"""Who is stopped because their posts went in circles, for the command line: listed, let go on, or given up."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import Any

import structlog
from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from bridge import reasons
from bridge.post import DIRECT
from bridge.reasons import Reason
from bridge.service import Service
from bridge.store import Tx, halts, origins
from bridge.store.origins import Stopped
from bridge.web.guard import on_purpose

log = structlog.get_logger()


class Deed(StrEnum):
    RESUME = "resume"
    DROP = "drop"


class Wanted(BaseModel):
    """What an admin wants done about somebody who is stopped; `by` is who wants it."""

    model_config = ConfigDict(extra="forbid")

    deed: Deed
    number: int
    by: str = Field(min_length=1, max_length=500)


def routes(service: Service) -> APIRouter:
    """To be included under /api, behind its guard."""
    router = APIRouter(prefix="/loops")

    @router.get("")
    async def listing() -> JSONResponse:
        found = await service.store.read(origins.stopped)
        return JSONResponse({"stopped": [_words(service, each) for each in found]})

    @router.post("", dependencies=[Depends(on_purpose)])
    async def act(wanted: Wanted) -> JSONResponse:
        now = service.engine.now()

        def do(tx: Tx) -> tuple[bool, int, int, tuple[int, ...]]:
            if wanted.deed is Deed.DROP:
                dropped = origins.drop(tx, wanted.number, f"{Reason.DROPPED.sentence} It was {wanted.by}.", now)
            else:
                dropped = 0
            there = origins.let_go(tx, wanted.number)
            queued, lanes = origins.settle(tx, now)
            return there, dropped, queued, (*lanes, *halts.settle(tx, now))  # what somebody paused waits on

        there, dropped, queued, lanes = await service.store.write(do)
        service.inbox.wake(lanes)
        if not there:
            return JSONResponse({"error": f"Nobody with the number {wanted.number} is stopped; see `viabridge loops`."}, 409)
        log.info("loop.let_go", number=wanted.number, deed=wanted.deed, queued=queued, dropped=dropped, by=wanted.by)
        said = f"They go on. {queued} copies that waited are on their way" + (f", {dropped} were given up." if dropped else ".")
        return JSONResponse({"done": said, "queued": queued, "dropped": dropped})

    return router


def _words(service: Service, each: Stopped) -> dict[str, Any]:
    names = {(account, place): name for (account, name), place in service.world.pins.items()}
    place = names.get((each.account, each.place), "a direct message" if each.place == DIRECT else each.place)
    return {**asdict(each), "place": place, "sentence": reasons.sentence_of(each.reason)}
