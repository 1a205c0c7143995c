"""What the command line asks about readers: who reads what and how often, who waits to; and what an admin decides about them."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from bridge import joining, notices_reading, routing
from bridge.errors import BridgeError, Retryable
from bridge.joining import NotAsking
from bridge.post import Destination
from bridge.rhythm import NOTHING_CHOSEN
from bridge.routing import World
from bridge.service import Service
from bridge.store import Tx, readers
from bridge.store import joining as rows
from bridge.store.joining import Joining, Step
from bridge.store.readers import Standing
from bridge.web.guard import on_purpose

_LONGEST = 500
_STATES = {Step.ASKED: "asked", Step.CONFIRMED: "waits", Step.REFUSED: "refused"}


class Decided(BaseModel):
    """What an admin decides about a reader, or somebody who wants to be one; `by` is who does."""

    model_config = ConfigDict(extra="forbid")

    address: str = Field(max_length=_LONGEST)
    deed: Literal["return", "approve", "reject"]
    by: str = Field(min_length=1, max_length=_LONGEST)


class Invited(BaseModel):
    """Whom an admin invites to read a group: an address, or a person of the mapping file."""

    model_config = ConfigDict(extra="forbid")

    group: str = Field(max_length=_LONGEST)
    whom: str = Field(max_length=_LONGEST)
    by: str = Field(min_length=1, max_length=_LONGEST)


def routes(service: Service) -> APIRouter:
    """To be included under /api, behind its guard."""
    routes = APIRouter(prefix="/readers")

    @routes.get("")
    async def who_reads() -> JSONResponse:
        standing, joined = await service.store.read(lambda tx: (readers.known(tx), rows.known(tx)))
        return JSONResponse({"readers": listed(service.world, standing, joined, service.engine.now())})

    @routes.post("", dependencies=[Depends(on_purpose)])
    async def decide(decided: Decided) -> JSONResponse:
        said = {"return": "gets posts again", "approve": "reads from now on", "reject": "was turned down"}[decided.deed]
        return await _do(service, _decision(decided), f"{decided.address} {said}.")

    @routes.post("/invite", dependencies=[Depends(on_purpose)])
    async def invite(invited: Invited) -> JSONResponse:
        def change(tx: Tx, world: World, now: float) -> set[int]:
            return joining.invite(tx, invited.group, invited.whom, world, now, invited.by)

        return await _do(service, change, f"{invited.whom} is asked whether they want to read {invited.group}.")

    return routes


def _decision(decided: Decided) -> Any:
    def change(tx: Tx, world: World, now: float) -> set[int]:
        if decided.deed == "return":
            return _return(tx, decided.address)
        names = joining.waiting(tx, decided.address)
        if not names:
            raise NotAsking(f"Nobody with the address {decided.address} waits to read along: see `viabridge readers`.")
        no = decided.deed == "reject"
        return {lane for name in names for lane in joining.decide(tx, name, world, now, by=decided.by, no=no)}

    return change


def _return(tx: Tx, address: str) -> set[int]:
    """Whoever is spared gets posts again; who left is invited instead."""
    mine = [each for each in readers.known(tx) if (each.destination.reader or "").lower() == address.lower()]
    spared = [each for each in mine if each.suspended_at is not None and each.left_at is None]
    if not spared and any(each.left_at is not None for each in mine):
        raise NotAsking(f"{address} left of their own will: ask them with `viabridge invite GROUP {address}`.")
    if not spared:
        raise NotAsking(f"Nobody called {address} is spared: see `viabridge readers`.")
    for each in spared:
        readers.put(tx, Standing(each.destination))
    return set()


async def _do(service: Service, change: Any, said: str) -> JSONResponse:
    try:
        await service.decide(change)
    except BridgeError as error:
        return JSONResponse({"error": error.sentence}, status_code=503 if isinstance(error, Retryable) else 409)
    return JSONResponse({"done": said})


# ---------------------------------------------------------------- the list


def listed(world: World, standing: tuple[Standing, ...], joined: tuple[Joining, ...], now: float) -> list[dict[str, Any]]:
    """Everybody who reads, with how often; and whoever left, is spared, waits or was turned down."""
    known = {each.destination: each for each in standing}
    found: dict[Destination, dict[str, Any]] = {}
    for group in world.mappings.groups:
        for entry in group.places:
            for reader in world.readers(entry):
                to = Destination(world.place_of(entry), reader.address)
                found.setdefault(to, _reads(world, to, entry.at, known.get(to), now))
    for each in joined:
        if each.to not in found and each.step in _STATES:
            at = next((e.at for g in world.mappings.groups for e in g.places if world.place_of(e) == each.to.place), "")
            found[each.to] = _row(each.to, at, _STATES[each.step], each.at, each.name)
    return sorted(found.values(), key=lambda each: (each["place"], each["address"]))


def _reads(world: World, to: Destination, at: str, standing: Standing | None, now: float) -> dict[str, Any]:
    choice = world.choices.get((to.account, to.reader or ""), NOTHING_CHOSEN)
    how = notices_reading.how_often(routing.rhythm_of(world, to), choice, now)
    if standing is None:
        return _row(to, at, "reads", None, how)
    state = "left" if standing.left_at else "spared" if standing.suspended_at else "reads"
    row = _row(to, at, state, standing.left_at or standing.suspended_at, how if state == "reads" else "")
    return row | {"points": standing.points, "why": standing.why}


def _row(to: Destination, at: str, state: str, since: float | None, how: str) -> dict[str, Any]:
    return {"address": to.reader, "place": at, "state": state, "since": since, "how": how, "points": 0, "why": ""}
