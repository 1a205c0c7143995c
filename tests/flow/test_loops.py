"""The whole way: relays of others carry posts round in a ring. It is stopped, an admin is told elsewhere, nothing is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bridge import telling
from bridge.demo import law
from bridge.demo.town import Town
from bridge.store import origins
from tests.flow.conftest import EVERYWHERE
from tests.flow.house import QUICK, House, until, write_mappings
from tests.flow.test_followers import OFTEN_S, name_admin
from tests.flow.test_undelivered import ask

pytestmark = pytest.mark.asyncio(loop_scope="session")

WORDS = "The projector in the big room is broken again zq0ring"


@pytest_asyncio.fixture(loop_scope="session")
async def ring(tmp_path: Path) -> AsyncIterator[House]:
    """As elsewhere, with an admin who has a mail address."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(telling, "LOOK_S", OFTEN_S)
        async with Town(tmp_path) as town:
            path = write_mappings(town, QUICK, **EVERYWHERE)
            name_admin(path, "chair")
            house = House(town, path, f"sqlite:///{tmp_path / 'bridge.db'}")
            await house.start()
            try:
                await house.warm_up()
                yield house
            finally:
                await house.stop()


@pytest.mark.scenario("B06")
@pytest.mark.scenario("B15")
async def test_a_ring_of_relays_is_stopped_an_admin_is_told_elsewhere_and_resuming_loses_nothing(ring: House) -> None:
    slack, timeline = ring.sandbox("slack"), ring.at("mastodon")[0]
    relays = list(slack.people)
    await ring.sandbox("email").write(ring.member("email"), WORDS)
    await until(lambda: len(ring.copies("zq0ring", timeline)) == 1, "the post")
    copy = ring.copies("zq0ring", timeline)[0].text
    await slack.write(relays[0], f"[bridge] {copy}", slack.places[1])
    await until(lambda: len(ring.copies("zq0ring", timeline)) == 2, "the first round is let through")
    await ring.restart()
    await slack.write(relays[1], f"<relay> {copy}", slack.places[0])
    [mail] = await until(lambda: ring.told("email", "was stopped in"), "the admin's mail")
    assert mail.reader == ring.sandbox("email").people["chair"]
    await slack.write(relays[1], "[bridge] and something else zq1ring")
    await ring.says("mastodon", "people talk on meanwhile")
    await law.settled(ring.town, ring.store, 20)
    assert len(ring.copies("zq0ring", timeline)) == 2
    assert not ring.copies("zq1ring", timeline)
    [stopped] = await ring.store.read(origins.stopped)
    done = await ask(ring, "POST", "/api/loops", deed="resume", number=stopped.id, by="chair")
    assert done.json()["queued"] == stopped.waiting
    for mark, times in (("zq0ring", 3), ("zq1ring", 1)):
        await until(lambda mark=mark, times=times: len(ring.copies(mark, timeline)) == times, "what waited")  # type: ignore[misc]
    await ring.check()
