"""What the command line asks of a running service: who follows, what is held or missed, why; what admins decide or command."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from bridge import offboarding, reasons
from bridge.errors import BridgeError, Retryable
from bridge.mappings import Person
from bridge.post import AccountId
from bridge.routing import World
from bridge.service import Service
from bridge.store import commands, held, people
from bridge.store.held import Held
from bridge.store.people import Deed, Known
from bridge.store.tables_people import FollowState
from bridge.web import deciding, erasing, looking_back, loops, readers, undelivered
from bridge.web.guard import on_purpose, only_from_here

_DONE = {Deed.APPROVE: "now follows", Deed.REJECT: "was turned down by", Deed.REMOVE: "no longer follows"}
_LONGEST = 500
_LONGEST_LINK = 4000


class Wanted(BaseModel):
    """What an admin wants done about somebody at the door; `by` is who wants it."""

    model_config = ConfigDict(extra="forbid")

    account: str = Field(max_length=_LONGEST)
    handle: str = Field(max_length=_LONGEST)
    deed: Deed
    by: str = Field(min_length=1, max_length=_LONGEST)


class Asked(BaseModel):
    """What somebody at this machine asks of the bridge, in the words of `bridge.orders`."""

    model_config = ConfigDict(extra="forbid")

    words: str = Field(min_length=1, max_length=_LONGEST_LINK)
    by: str = Field(min_length=1, max_length=_LONGEST)


def api(service: Service) -> APIRouter:
    """The routes under /api, for this machine alone; those that change something also only for who means it."""
    routes = APIRouter(prefix="/api", dependencies=[Depends(only_from_here)])

    @routes.get("/followers")
    async def followers() -> JSONResponse:
        return JSONResponse({"accounts": [await _at_the_door(service, account) for account in service.doorkeeper.accounts]})

    @routes.get("/followers/audit")
    async def audit() -> JSONResponse:
        return JSONResponse({"decisions": [asdict(each) for each in await service.store.read(people.decisions)]})

    @routes.post("/followers", dependencies=[Depends(on_purpose)])
    async def decide(wanted: Wanted) -> JSONResponse:
        return await _decide(service, wanted)

    @routes.post("/commands", dependencies=[Depends(on_purpose)])
    async def command(asked: Asked) -> JSONResponse:
        said = await service.commander.ask(asked.words, asked.by)
        return JSONResponse({"outcome": said.outcome, "said": said.lines})

    @routes.get("/commands")
    async def log() -> JSONResponse:
        return JSONResponse({"commands": [asdict(each) for each in await service.store.read(commands.log)]})

    @routes.get("/why")
    async def why(ref: Annotated[str, Query(max_length=_LONGEST_LINK)]) -> JSONResponse:
        return JSONResponse(await service.commander.why(ref))

    @routes.get("/held")
    async def what_is_held() -> JSONResponse:
        return JSONResponse({"held": await _held(service)})

    @routes.get("/missed")
    async def what_was_missed() -> JSONResponse:
        return JSONResponse({"missed": _listed(service, await service.store.read(held.missed))})

    for more in (undelivered, loops, looking_back, erasing, deciding, readers):
        routes.include_router(more.routes(service))
    return routes


async def _decide(service: Service, wanted: Wanted) -> JSONResponse:
    account = AccountId(wanted.account)
    try:
        found = await service.doorkeeper.decide(account, wanted.handle, wanted.deed, wanted.by)
    except Retryable as error:
        return JSONResponse({"error": f"{error.sentence} It is tried again by itself where it was begun."}, status_code=503)
    except BridgeError as error:
        return JSONResponse({"error": error.sentence}, status_code=409)
    return JSONResponse({"done": f"{people.handle_of(found)} ({found.name}) {_DONE[wanted.deed]} {account}."})


async def _at_the_door(service: Service, account: AccountId) -> dict[str, Any]:
    known, following = await service.store.read(lambda tx: (people.known(tx, account), people.following(tx)))
    seen = [each for each in known.values() if each.state is not FollowState.GONE]
    words = [_person(service.world, account, each) for each in seen]
    return {
        "account": account,
        "looked": account in following,
        "trouble": service.engine.accounts[account].trouble or service.engine.accounts[account].gate,
        "asking": [word for word in words if word["state"] == FollowState.ASKING],
        "following": [word for word in words if word["state"] == FollowState.FOLLOWING],
    }


def _person(world: World, account: AccountId, known: Known) -> dict[str, Any]:
    """Somebody at the door, with what we would do: let in, look, or remove."""
    follower = known.follower
    person = world.mappings.person_by_handles(account, (follower.user, *follower.handles))
    return {
        "user": follower.user,
        "handle": people.handle_of(follower),
        "name": follower.name,
        "moved": follower.moved,
        "state": known.state,
        "since": known.at,
        "person": person.id if person else None,
        "advice": _advice(known, person),
    }


def _advice(known: Known, person: Person | None) -> str:
    if known.follower.moved:
        return f"{known.follower.name} seems to have moved: ask them before you trust this account."
    if person is None and known.state is FollowState.FOLLOWING:
        return "Not in the mapping file: remove them, or name them under `people`."
    if person is None:
        return "Not in the mapping file: approve or reject them."
    return ""


async def _held(service: Service) -> list[dict[str, Any]]:
    world = service.world
    gone = await service.store.read(lambda tx: offboarding.waiting(tx, world))
    found = await service.store.read(lambda tx: (*held.posts(tx), *held.raws(tx)))
    return [*(each | {"why": offboarding.WHY} for each in _listed(service, gone)), *_listed(service, found)]


def _listed(service: Service, found: Iterable[Held]) -> list[dict[str, Any]]:
    names = {(str(account), str(place)): name for (account, name), place in service.world.pins.items()}
    return [
        {
            "id": each.id,
            "at": each.at,
            "account": each.account,
            "place": "a direct message" if each.direct else names.get((each.account, each.place), each.place),
            "who": each.who,
            "handle": each.handle,
            "reason": each.reason,
            "why": reasons.sentence_of(each.reason),
            "line": each.line,
        }
        for each in found
    ]
