"""kill -9 while a picture is on its way: its status stands once, with its picture."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from adapters.mastodon.sandbox import MastodonSandbox
from bridge.demo import law
from bridge.engine import Step
from bridge.post import AccountId
from tests.flow.conftest import EVERYWHERE
from tests.flow.house import Said, unique
from tests.flow.wreck import Wreck, mortal

pytestmark = pytest.mark.asyncio(loop_scope="session")

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Wreck]:
    async with mortal(tmp_path_factory.mktemp("pictures"), **EVERYWHERE) as wreck:
        yield wreck


@pytest.mark.scenario("C05")
@pytest.mark.scenario("I04")
@pytest.mark.parametrize(("step", "number"), [(Step.ACCEPTED, 1), *((step, n) for step in list(Step)[3:] for n in (1, 2))])
async def test_a_kill_neither_doubles_nor_strips_a_status(house: Wreck, step: Step, number: int) -> None:
    await law.settled(house.town, house.store, 30)  # type: ignore[arg-type]
    house.said.clear()
    sandbox = house.sandbox("mastodon")
    assert isinstance(sandbox, MastodonSandbox)
    house.kill_at(step, number)
    words = unique(f"killed at {step}")
    native = await sandbox.write_with_file("lynn", words, "lake.png", "image/png", PNG, "The lake")
    said = Said(AccountId("mastodon"), words, native, house.destinations)
    house.said.append(said)
    assert await house.ended() == -9
    await house.start()
    copies = await house.arrives(said)
    [status] = [copy for to, copy in copies.items() if to.account == "mastodon"]
    assert [(file.alt, file.body) for file in await sandbox.attached(status.id)] == [("The lake", PNG)]
    await house.check()
