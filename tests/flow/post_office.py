"""A house of Slack and mail alone, where each reader has addresses of their own and an admin reads mail. No tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from adapters.email.sandbox import EmailSandbox
from bridge.contract import Standing
from bridge.demo.town import Town
from bridge.post import AccountId
from tests.flow.house import QUICK, House, until, write_mappings


@asynccontextmanager
async def post_office(folder: Path, places: Sequence[dict[str, Any]]) -> AsyncIterator[House]:
    """Everybody in it, the bridge running."""
    async with Town(folder, ("slack", "email")) as town:
        sandbox = town.sandboxes[AccountId("email")]
        assert isinstance(sandbox, EmailSandbox)
        sandbox.secret = "only-for-this-machine"
        mappings = write_mappings(town, QUICK, places=places)
        mappings.write_text("admins: [chair]\n" + mappings.read_text("utf-8"), "utf-8")
        house = House(town, mappings, f"sqlite:///{folder / 'bridge.db'}")
        await house.start()
        try:
            await house.warm_up()
            yield house
        finally:
            await house.stop()


def office(house: House) -> EmailSandbox:
    """The house's mail."""
    found = house.sandbox("email")
    assert isinstance(found, EmailSandbox)
    return found


async def told(house: House, address: str, words: str) -> Standing:
    """What the bridge itself says to somebody, once they have it."""

    def look() -> Standing | None:
        return next((each for each in house.told("email", words) if each.reader == address), None)

    found = await until(look, f"{address} is told: {words}")
    assert found is not None
    return found
