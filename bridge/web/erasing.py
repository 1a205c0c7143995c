"""Erasing a person, for the command line: first what it would mean, then the deed with its report."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from bridge.erasing import Unknown
from bridge.service import Service
from bridge.web.guard import on_purpose


class Wanted(BaseModel):
    """Who is to be erased. Without `really` it is only said what that would mean."""

    model_config = ConfigDict(extra="forbid")

    who: str = Field(min_length=1, max_length=500)
    really: bool = False
    by: str = Field(min_length=1, max_length=500)


def routes(service: Service) -> APIRouter:
    """To be included under /api, behind its guard."""
    router = APIRouter(prefix="/erase")

    @router.post("", dependencies=[Depends(on_purpose)])
    async def erase(wanted: Wanted) -> JSONResponse:
        try:
            report = await service.eraser.erase(wanted.who, wanted.by, really=wanted.really)
        except Unknown as error:
            return JSONResponse({"error": error.sentence}, status_code=404)
        return JSONResponse({"who": wanted.who, "really": wanted.really, **report.as_json()})

    return router
