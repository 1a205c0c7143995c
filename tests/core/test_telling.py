"""Admins are told what needs them: once, elsewhere than where the trouble is, and once more when it is well again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from types import MappingProxyType, SimpleNamespace

import pytest
from sqlalchemy import select, update
from structlog.testing import capture_logs

from bridge.engine import Account, Engine
from bridge.errors import Retryable
from bridge.post import AccountId, PersonId, UserId
from bridge.reasons import Reason
from bridge.store import alerts, ledger, sql
from bridge.store.alerts import Alert
from bridge.telling import HELD_A_DAY, HELD_WITHIN_S, TOLD_WITHIN_S, WELL_AFTER_S, Teller
from bridge.text import plain
from tests.core.desk import Desk
from tests.core.worlds import ALL, LYNN_OUTSIDE, LYNNS_DIRECT, MAIL, MAILS, NOW, TEAM, at, created, person, world

UNLOCKED = "The account is not locked."
LYNN, BOSS, LATE = PersonId("lynn"), PersonId("boss"), PersonId("late")


@dataclass
class Platform:
    """Looks people up: in Slack by an id of its own; `away`, it can't."""

    asked: list[str] = field(default_factory=list)
    away: bool = False
    people: None = None

    async def look_up(self, handle: str) -> UserId | None:
        self.asked.append(handle)
        if self.away:
            raise Retryable
        return None if handle.startswith("nobody") else UserId(f"id-of-{handle}")


@dataclass
class Told:
    """A teller at work."""

    desk: Desk
    engine: Engine
    teller: Teller
    clock: SimpleNamespace
    woken: list[int]

    async def look(self, seconds: float = 0.0) -> None:
        self.clock.now += seconds
        await self.teller.look()

    def trouble(self, account: AccountId, sentence: str) -> None:
        self.engine.accounts[account].needs_human = sentence

    async def notices(self) -> list[tuple[str, str, str]]:
        """What was told: account, person, words."""
        p = sql.post.c
        rows = await self.desk.rows(sql.post, p.native.like("notice:alert:%"))
        bodies = [await self.desk.read(lambda tx, row=row: ledger.body_of(tx, row.id)) for row in rows]  # type: ignore[misc]
        return [(row.account, row.person, plain(body.text)) for row, body in zip(rows, bodies, strict=True) if body]

    async def ways(self) -> list[str]:
        return [f"{account}/{user}" for account, user, _ in await self.notices()]


@pytest.fixture
def told(desk: Desk) -> Told:
    """Lynn is the admin; she can be told by mail, in Slack and at the account."""
    admins(desk, LYNN)
    clock, woken = SimpleNamespace(now=NOW), list[int]()
    accounts = {name: Account(name, Platform()) for name in (TEAM, ALL, MAIL)}  # type: ignore[arg-type]
    for account in accounts.values():
        account.opened.set()
    engine = Engine(accounts, now=lambda: clock.now)

    def wake(lanes: Iterable[int]) -> None:
        woken.extend(lanes)

    return Told(desk, engine, Teller(desk.store, engine, lambda: desk.world, wake), clock, woken)


def admins(desk: Desk, *them: PersonId) -> None:
    here = world()
    people = {each.id: each for each in (*here.mappings.people.values(), person("boss", allhands="@boss@social.example"))}
    people[LATE] = person("late", team="nobody@example.org")
    desk.world = replace(here, mappings=replace(here.mappings, admins=them, people=MappingProxyType(people)))


# ---------------------------------------------------------------- once, elsewhere


@pytest.mark.scenario("L08")
async def test_a_trouble_is_told_by_mail_and_only_once(told: Told) -> None:
    told.trouble(ALL, UNLOCKED)
    for _ in range(3):
        await told.look(60)
    [(account, user, words)] = await told.notices()
    assert (account, user) == (MAIL, "id-of-lynn@example.org")
    assert words.startswith(f"allhands needs you: {UNLOCKED}")
    assert told.woken


@pytest.mark.scenario("L08")
async def test_a_trouble_of_the_mail_account_is_told_elsewhere(told: Told) -> None:
    told.trouble(MAIL, "The login was refused.")
    await told.look()
    assert await told.ways() == ["team/id-of-lynn@example.org"]


@pytest.mark.scenario("K02")
async def test_an_account_that_came_to_stand_open_and_its_paused_places_are_one_trouble(told: Told) -> None:
    told.engine.accounts[ALL].gate = UNLOCKED
    await told.desk.hear(created("hi"))
    await told.desk.write(lambda tx: tx.execute(update(sql.lane).where(sql.lane.c.account == ALL).values(paused=UNLOCKED)))
    await told.look()
    assert len(await told.notices()) == 1


async def test_a_place_that_waits_for_a_human_is_told_of(told: Told) -> None:
    await told.desk.hear(created("hi"))
    await told.desk.write(
        lambda tx: tx.execute(update(sql.lane).where(sql.lane.c.account == ALL).values(paused="Not in the channel."))
    )
    await told.look()
    assert await told.ways() == ["mail/id-of-lynn@example.org"]


async def test_nobody_is_told_that_a_notice_cannot_be_brought(told: Told) -> None:
    await told.desk.hear(created("hi", place=LYNNS_DIRECT, author=LYNN_OUTSIDE))
    direct_only = (sql.lane.c.account == ALL, sql.lane.c.person != "")
    changed = await told.desk.write(lambda tx: tx.execute(update(sql.lane).where(*direct_only).values(paused="No.")).rowcount)
    assert changed
    await told.look()
    assert await told.notices() == []


async def test_an_admin_without_another_way_is_not_told_and_the_log_says_so(told: Told) -> None:
    admins(told.desk, BOSS)
    told.trouble(ALL, UNLOCKED)
    with capture_logs() as logs:
        await told.look()
        await told.look()
    assert [each["event"] for each in logs].count("admin.not_told") == 1
    assert await told.notices() == []


async def test_news_is_told_where_it_comes_from_if_there_is_no_other_way(told: Told) -> None:
    admins(told.desk, BOSS)
    await told.desk.write(lambda tx: alerts.add(tx, Alert("asks:1", ALL, "Somebody asks."), NOW))
    await told.look()
    assert await told.ways() == ["allhands/id-of-@boss@social.example"]


async def test_a_handle_that_means_nobody_is_passed_over(told: Told) -> None:
    admins(told.desk, LATE, LYNN)
    told.trouble(ALL, UNLOCKED)
    await told.look()
    assert await told.ways() == ["mail/id-of-lynn@example.org"]


async def test_a_handle_is_looked_up_once(told: Told) -> None:
    for account in (ALL, TEAM):
        told.trouble(account, UNLOCKED)
        await told.look()
    assert told.engine.accounts[MAIL].adapter.asked == ["lynn@example.org"]  # type: ignore[attr-defined]


# ---------------------------------------------------------------- who can't be told now


async def test_while_mail_is_away_another_way_is_taken(told: Told) -> None:
    told.engine.accounts[MAIL].opened.clear()
    told.trouble(ALL, UNLOCKED)
    await told.look()
    assert await told.ways() == ["team/id-of-lynn@example.org"]


async def test_who_cannot_be_told_now_is_told_later_and_only_once(told: Told) -> None:
    told.engine.accounts[MAIL].opened.clear()
    told.engine.accounts[TEAM].adapter.away = True  # type: ignore[attr-defined]
    told.trouble(ALL, UNLOCKED)
    await told.look()
    assert await told.notices() == []
    told.engine.accounts[TEAM].adapter.away = False  # type: ignore[attr-defined]
    await told.look(60)
    told.engine.accounts[MAIL].opened.set()
    await told.look(60)
    assert await told.ways() == ["team/id-of-lynn@example.org"]


async def test_one_admin_who_cannot_be_told_holds_up_no_other(told: Told) -> None:
    admins(told.desk, LYNN, LATE)
    told.engine.accounts[TEAM].adapter.away = True  # type: ignore[attr-defined]
    told.trouble(ALL, UNLOCKED)
    await told.look()
    await told.look(TOLD_WITHIN_S)
    assert await told.ways() == ["mail/id-of-lynn@example.org"]
    assert [each.open for each in await told.desk.read(alerts.current)] == [False]


# ---------------------------------------------------------------- well again


@pytest.mark.scenario("L08")
async def test_a_recovery_is_told_once_and_the_next_outbreak_again(told: Told) -> None:
    for _ in range(2):
        told.trouble(ALL, UNLOCKED)
        await told.look(5)
        told.trouble(ALL, "")
        await told.look(WELL_AFTER_S)
        await told.look(WELL_AFTER_S)
    words = [said for _, _, said in await told.notices()]
    assert [said.startswith("allhands needs you") for said in words] == [True, False, True, False]
    assert [said.startswith("allhands works again") for said in words] == [False, True, False, True]


async def test_a_pause_between_two_tries_is_no_recovery(told: Told) -> None:
    for seconds in range(5):
        told.trouble(ALL, UNLOCKED if seconds % 2 == 0 else "")
        await told.look(WELL_AFTER_S / 2)
    assert len(await told.notices()) == 1


async def test_an_account_that_is_not_open_has_not_recovered(told: Told) -> None:
    told.trouble(ALL, UNLOCKED)
    await told.look()
    told.trouble(ALL, "")  # as after a restart, before it was signed in
    told.engine.accounts[ALL].opened.clear()
    await told.look(WELL_AFTER_S * 2)
    told.trouble(ALL, UNLOCKED)
    await told.look()
    assert len(await told.notices()) == 1


# ---------------------------------------------------------------- held posts


@pytest.mark.scenario("A08")
async def test_held_posts_are_told_of_once_per_author_and_day(told: Told) -> None:
    for words in ("one", "two"):
        await told.desk.hear(created(words))
    e = sql.event.c
    await told.desk.write(lambda tx: tx.execute(update(sql.event).values(verdict="held", reason=Reason.NOT_A_WRITER)))
    await told.look()
    await told.look(60)
    [(account, _, words)] = await told.notices()
    assert account == MAIL
    assert Reason.NOT_A_WRITER.sentence in words
    assert "viabridge held" in words
    assert "one" not in words
    await told.desk.write(lambda tx: tx.execute(update(sql.event).values(accepted_at=e.accepted_at + 24 * 3600)))
    await told.look(24 * 3600)
    assert len(await told.notices()) == 2


@pytest.mark.scenario("D04")
async def test_what_was_missed_is_told_of_once_an_hour_and_not_posted(told: Told) -> None:
    for hours in (30, 29, 28):
        await told.desk.hear(created("old news", at=at(-hours * 3600)))
    assert await told.desk.count(sql.delivery) == 0
    await told.look()
    await told.look(60)
    [(account, _, words)] = await told.notices()
    assert account == MAIL
    assert f"{at(-30 * 3600):%Y-%m-%d at %H:%M} UTC" in words
    assert "viabridge missed" in words
    assert "old news" not in words


async def test_what_was_held_long_ago_is_not_told_of(told: Told) -> None:
    await told.desk.hear(created("old"))
    await told.desk.write(lambda tx: tx.execute(update(sql.event).values(verdict="held", reason=Reason.NOT_A_WRITER)))
    await told.look(HELD_WITHIN_S + 1)
    assert await told.notices() == []


async def test_the_held_are_found_by_their_index(told: Told) -> None:
    def steps(tx: object) -> str:
        query = select(sql.event.c.id).where(sql.event.c.verdict == "held", sql.event.c.accepted_at >= NOW)
        words = query.compile(tx.engine, compile_kwargs={"literal_binds": True})  # type: ignore[attr-defined]
        return str(tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {words}").all())  # type: ignore[attr-defined]

    if told.desk.store.coordinated:
        pytest.skip("small tables are read whole there")
    assert "event_held" in await told.desk.read(steps)


@pytest.mark.scenario("J18")
async def test_a_flood_of_strangers_is_told_of_one_by_one_only_for_a_while(told: Told) -> None:
    for number in range(HELD_A_DAY + 10):
        author = replace(LYNN_OUTSIDE, user=UserId(f"r{number}@robots.example"), handles=(f"r{number}@robots.example",))
        await told.desk.hear(created("buy", place=MAILS, author=author))
    await told.look()
    await told.look(60.0)
    said = {words for _, _, words in await told.notices()}
    assert len([each for each in said if "is held:" in each]) == HELD_A_DAY
    assert len([each for each in said if "Much more" in each]) == 1
