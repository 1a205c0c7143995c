"""What looking back found, for the command line; and looking back now."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from bridge.errors import SendError
from bridge.service import Service
from bridge.store import looking_back
from bridge.store.looking_back import Finding
from bridge.web.guard import on_purpose


class Wanted(BaseModel):
    """That all places are looked at now, the whole way back; `by` is who wants it."""

    model_config = ConfigDict(extra="forbid")

    by: str = Field(min_length=1, max_length=500)


def routes(service: Service) -> APIRouter:
    """To be included under /api, behind its guard."""
    router = APIRouter(prefix="/looking-back")

    @router.get("")
    async def listing() -> JSONResponse:
        found = await service.store.read(looking_back.findings)
        return JSONResponse({"findings": [_words(service, each) for each in found]})

    @router.post("", dependencies=[Depends(on_purpose)])
    async def look(_wanted: Wanted) -> JSONResponse:
        found: list[Finding] = []
        said: list[str] = []
        for account in service.engine.accounts.values():
            if not account.opened.is_set():
                said.append(f"{account.id} is not open now.")
            elif account.adapter.history is None:
                said.append(f"{account.id} keeps no history that could be compared.")
            else:
                try:
                    found += await service.reconciler.look(account, deep=True)
                except SendError as error:
                    said.append(f"{account.id}: {error.sentence}")
        said.append(
            f"{len(found)} found; see `viabridge reconcile list`." if found else "Nothing is missing, and nothing stands twice."
        )
        return JSONResponse({"done": "\n".join(said), "findings": [_words(service, each) for each in found]})

    return router


def _words(service: Service, each: Finding) -> dict[str, Any]:
    names = {(account, place): name for (account, name), place in service.world.pins.items()}
    return {**asdict(each), "place": names.get((each.account, each.place), each.place)}
