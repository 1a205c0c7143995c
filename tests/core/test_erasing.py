"""Erasing a person: what can be taken back goes, what cannot is reported, and nothing of their words is left in the database."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Connection

from bridge import listings
from bridge.engine import Account, Engine
from bridge.erasing import Eraser, Unknown
from bridge.post import Destination, Ignored, Media, NativeId, Ref, Wish, Wished
from bridge.reasons import Reason
from bridge.store import alerts, inward, joining, lanes, people, readers, sql
from bridge.store.alerts import Alert
from bridge.store.blobs import blob
from tests.core.desk import Desk
from tests.core.test_api import MEANT, Doorkeeper, ask, service  # noqa: F401 - a fixture
from tests.core.worlds import ALL, LYNN, MAIL, MAILS, NOW, STRANGER, TEAM, TIMELINE, at, created, edited

WORDS = "Lynn's own words"
LEE, CHAIR = "lee@gmail.example", "chair@board.example"


@pytest.fixture
def keeper() -> Doorkeeper:
    return Doorkeeper()


@pytest.fixture
def woken() -> list[int]:
    return []


@pytest.fixture
def eraser(desk: Desk, woken: list[int]) -> Eraser:
    def account(name: Any, *, delete: bool) -> Account:
        return Account(name, SimpleNamespace(capabilities=SimpleNamespace(delete=delete)))  # type: ignore[arg-type]

    accounts = {TEAM: account(TEAM, delete=True), ALL: account(ALL, delete=True), MAIL: account(MAIL, delete=False)}
    return Eraser(desk.store, Engine(accounts, now=lambda: desk.now), lambda: desk.world, woken.extend)


async def said(desk: Desk) -> Any:
    post = created(WORDS, media=(Media("lake.png", source="f1"),))
    await desk.hear(post)
    await desk.deliver(TIMELINE, "100")
    for reader in (LEE, CHAIR):
        await desk.deliver(MAILS, f"mail to {reader}", reader)
    return post


async def everything(desk: Desk) -> str:
    """All that the database holds, as words."""

    def read(tx: Connection) -> str:
        return "\n".join(str(tuple(row)) for table in sql.raw.metadata.sorted_tables for row in tx.execute(table.select()))

    return await desk.read(read)


@pytest.mark.scenario("K10")
async def test_a_person_is_erased_and_the_report_says_what_cannot_be_recalled(
    desk: Desk, eraser: Eraser, woken: list[int]
) -> None:
    await said(desk)
    await desk.write(lambda tx: alerts.add(tx, Alert("k", TEAM, "lynn@example.org asks to follow."), NOW))
    await desk.write(lambda tx: people.remember(tx, TEAM, "lynn@example.org", LYNN.user))
    report = await eraser.erase("lynn", "an admin", really=True)
    assert (report.posts, dict(report.copies), dict(report.originals)) == (1, {"allhands/timeline": 1}, {"team/all-hands": 1})
    assert dict(report.cannot) == {f"mail/all-hands for {LEE}": 1, f"mail/all-hands for {CHAIR}": 1}
    assert report.mapped
    job = await desk.job(await desk.lane(TIMELINE))
    assert (job.kind, [copy.ref.id for copy in job.copies]) == ("deleted", ["100"])
    assert woken
    left = await everything(desk)
    for words in (WORDS, "lynn.example", "lynn@example.org", "lake.png", "'U1'"):
        assert words not in left, words


@pytest.mark.scenario("K10")
async def test_their_files_go_too_and_others_stay(desk: Desk, eraser: Eraser) -> None:
    await said(desk)
    other = created("another's", author=STRANGER, media=(Media("lake.png", source="f1"),))
    await desk.hear(other)
    [first, second] = await desk.rows(sql.post, sql.post.c.person == "")

    def keep(tx: Connection) -> None:
        for name, owners in (("only theirs", [first.id]), ("of both", [first.id, second.id])):
            tx.execute(blob.insert().values(id=name, size=1, body=b"x", used_at=NOW))
            for owner in owners:
                tx.execute(
                    sql.raw.metadata.tables["file"].insert().values(post_id=owner, source=name, blob=name, size=1, missing="")
                )

    await desk.write(keep)
    await eraser.erase("lynn", "an admin", really=True)
    assert [row.id for row in await desk.rows(blob)] == ["of both"]
    assert [bool(row.body) for row in await desk.rows(sql.post, sql.post.c.person == "")] == [False, True]


async def test_first_it_is_only_said_what_that_would_mean(desk: Desk, eraser: Eraser, woken: list[int]) -> None:
    await said(desk)
    before = await everything(desk)
    report = await eraser.erase("lynn", "an admin", really=False)
    assert (report.posts, sum(report.cannot.values())) == (1, 2)
    assert await everything(desk) == before
    assert not woken


async def test_somebody_outside_the_mapping_file_is_named_by_account_and_handle(desk: Desk, eraser: Eraser) -> None:
    await desk.hear(created("a stranger's", author=STRANGER))
    report = await eraser.erase("team/@stranger@social.example", "an admin", really=True)
    assert (report.posts, report.mapped) == (1, False)
    assert "a stranger's" not in await everything(desk)
    with pytest.raises(Unknown, match="ACCOUNT/HANDLE"):
        await eraser.erase("nobody", "an admin", really=True)


async def test_what_they_change_later_does_not_come_back(desk: Desk, eraser: Eraser) -> None:
    post = await said(desk)
    await eraser.erase("lynn", "an admin", really=True)
    raw = desk.raw(TEAM)
    await desk.write(lambda tx: inward.take(tx, raw, desk.now))
    [waiting] = await desk.waiting(TEAM)
    await desk.judge(waiting, edited(post, "the words again"))
    [row] = await desk.rows(sql.raw, sql.raw.c.key == raw.key)
    assert (row.state, row.reason, bytes(row.body)) == ("done", Reason.POST_DELETED, b"")
    assert "the words again" not in await everything(desk)


async def test_what_is_being_sent_keeps_its_words_until_it_is_settled(desk: Desk, eraser: Eraser) -> None:
    await desk.hear(created(WORDS))
    claim = await desk.lane(TIMELINE)
    job, part = await desk.attempting(claim)
    assert (await eraser.erase("lynn", "an admin", really=True)).under_way == 1
    assert WORDS in await everything(desk)
    await desk.settle(claim, job, part, "100")
    report = await eraser.erase("lynn", "an admin", really=True)
    assert (report.under_way, report.posts) == (0, 1)
    assert WORDS not in await everything(desk)
    assert (await desk.job(claim)).kind == "deleted"


async def test_the_report_is_read_by_people(service: Any, desk: Desk, eraser: Eraser) -> None:  # noqa: F811
    service.eraser = eraser
    await said(desk)
    wanted = {"who": "lynn", "by": "an admin"}
    assert (await ask(service, "POST", "/api/erase", {}, json=wanted)).status_code == 403
    lines = list(listings.erased((await ask(service, "POST", "/api/erase", MEANT, json=wanted)).json()))
    assert lines[0] == "lynn: 1 posts and 0 notices would be forgotten."
    assert f"  cannot be recalled: 1 copies at mail/all-hands for {LEE}" in lines
    assert lines[-1].startswith("Nothing was done.")
    assert (await ask(service, "POST", "/api/erase", MEANT, json={**wanted, "who": "nobody"})).status_code == 404


# ---------------------------------------------------------------- readers


async def mailed(desk: Desk) -> None:
    """Lee got a mail, chose, was asked, wrote to the group, and another mail waits for them."""
    to = Destination(MAILS, LEE)
    await desk.hear(created("first"))
    await desk.deliver(MAILS, "mail 1", LEE)
    await desk.hear(Wish(Ref(MAILS, NativeId("w1")), LEE, Wished.DAILY, at()))
    await desk.hear(Wish(Ref(MAILS, NativeId("w2")), LEE, Wished.PAUSE, at(), doubt="nothing proves it"))
    await desk.hear(Wish(Ref(MAILS, NativeId("w3")), LEE, Wished.JOIN, at(), name="Lee"))
    await desk.write(lambda tx: readers.put(tx, readers.Standing(to, points=2, why="full")))
    await desk.write(lambda tx: alerts.add(tx, Alert(f"spared:{to}:1", MAIL, f"{LEE} is not reached."), NOW))
    raw = desk.raw(MAIL, body=f"From: Lee <{LEE.title()}>\r\n\r\nstop".encode())
    assert await desk.write(lambda tx: inward.take(tx, raw, desk.now))
    [waiting] = await desk.waiting(MAIL)
    await desk.judge(waiting, Ignored(raw.key, "auto-reply"))
    await desk.hear(created("second"))


@pytest.mark.scenario("K10")
async def test_a_readers_address_is_nowhere_afterwards_and_nothing_more_is_sent_to_it(desk: Desk, eraser: Eraser) -> None:
    await mailed(desk)
    claim = await desk.lane(MAILS, LEE)
    report = await eraser.erase("lee", "an admin", really=True)
    assert report.mapped, "so that whoever asked takes the line out of the mapping file"
    assert LEE not in (await everything(desk)).lower()
    assert not await desk.write(lambda tx: lanes.owns(tx, claim)), "who serves the lane knows the address"
    waits = await desk.rows(sql.delivery, sql.delivery.c.state == "waiting")
    kept = {row.id: row for row in await desk.rows(sql.lane)}
    assert {kept[row.lane_id].reader or kept[row.lane_id].account for row in waits} == {CHAIR, ALL}
    assert [row.native for row in await desk.rows(sql.receipt)] == ["mail 1"], "what was sent is known, so that nothing doubles"


@pytest.mark.scenario("K10")
async def test_a_reader_who_is_in_no_mapping_file_is_erased_by_their_address(desk: Desk, eraser: Eraser) -> None:
    nina = "nina@elsewhere.example"
    await desk.write(lambda tx: joining.put(tx, joining.Joining(Destination(MAILS, nina), "Nina", joining.Step.READS, NOW)))
    await eraser.erase(f"mail/{nina}", "an admin", really=True)
    assert nina not in await everything(desk)
