"""`/waiting`: what an admin is asked about, to be decided by a press: held posts, people who want to read along or are gone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, select_autoescape

from bridge import offboarding, reasons
from bridge.service import Service
from bridge.store import held, joining
from bridge.store.joining import Step
from bridge.web.guard import only_from_here

_MOST = 200


def routes(service: Service) -> APIRouter:
    """For a browser on this machine alone; what is decided goes the way of the command line's decisions."""
    routes = APIRouter(dependencies=[Depends(only_from_here)])
    templates = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=select_autoescape())

    @routes.get("/waiting")
    async def waiting() -> HTMLResponse:
        world = service.world
        posts, asking, leaving = await service.store.read(
            lambda tx: (held.posts(tx), joining.known(tx), offboarding.waiting(tx, world))
        )
        cards = [*_leavers(leaving), *_cards(posts, asking)]
        return HTMLResponse(templates.get_template("waiting.html").render(cards=cards))

    return routes


def _cards(posts: Any, asking: Any) -> list[dict[str, Any]]:
    """One for each that can be decided: what it is, and what each button asks for."""
    cards = [
        {
            "what": f"{each.handle or each.who or 'Somebody'} wrote to {each.account}/{each.place}",
            "why": reasons.sentence_of(each.reason),
            "line": each.line,
            "url": "/api/held",
            "deeds": [
                ("Let it go out", {"id": each.id, "deed": "approve"}),
                ("Throw it away", {"id": each.id, "deed": "discard"}),
            ],
        }
        for each in posts[:_MOST]
    ]
    wants = [each for each in asking if each.step is Step.CONFIRMED]
    return cards + [
        {
            "what": f"{each.name or each.to.reader} ({each.to.reader}) asks to read {each.to.place.account}/{each.to.place.id}",
            "why": "They confirmed that the address is theirs, not who they are.",
            "line": "",
            "url": "/api/readers",
            "deeds": [
                ("Let them read", {"address": each.to.reader, "deed": "approve"}),
                ("Turn them down", {"address": each.to.reader, "deed": "reject"}),
            ],
        }
        for each in wants[:_MOST]
    ]


def _leavers(leaving: Any) -> list[dict[str, Any]]:
    """One for each who was offboarded and is still somewhere else."""
    return [
        {
            "what": f"{each.who} is no member of {each.account} any more",
            "why": f"Still {each.line}. {offboarding.WHY}",  # no line of its own: these are our words, not theirs
            "line": "",
            "url": "/api/held",
            "deeds": [
                ("Remove them", {"id": each.id, "deed": "approve"}),
                ("Leave it as it is", {"id": each.id, "deed": "discard"}),
            ],
        }
        for each in leaving[:_MOST]
    ]
