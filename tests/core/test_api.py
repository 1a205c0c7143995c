"""What the command line asks of the service: who may ask, who may decide, and what people read of the answer."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from bridge import calling, listings
from bridge.cli import EXIT_CONFIG, app, main
from bridge.contract import Follower
from bridge.doorkeeper import Nobody
from bridge.engine import Account, Engine
from bridge.errors import Rejected, Retryable
from bridge.post import AccountId, UserId
from bridge.reasons import Reason
from bridge.store import people, sql
from bridge.store.people import Decision, Deed, Known
from bridge.store.tables_people import FollowState
from bridge.web.app import make_app
from tests.core.desk import Desk
from tests.core.worlds import ALL, LYNNS_DIRECT, NOW, at, created, deleted

HERE = "127.0.0.1:8080"
MEANT = {"Content-Type": "application/json", "X-Viabridge": "1"}
WANTED = {"account": "allhands", "handle": "@karl@social.example", "deed": "approve", "by": "lynn"}
KARL = Follower(UserId("12"), "Karl", ("12", "@karl@social.example"))
STRANGER = Follower(UserId("99"), "A \x1b[31mstranger", ("99", "@stranger@social.example"))


@dataclass
class Doorkeeper:
    """Notes what it is asked to do."""

    asked: list[tuple[str, str, str, str]] = field(default_factory=list)
    trouble: Exception | None = None
    accounts: tuple[AccountId, ...] = (ALL,)

    async def decide(self, account: AccountId, handle: str, deed: Deed, by: str) -> Follower:
        self.asked.append((account, handle, deed, by))
        if self.trouble:
            raise self.trouble
        return KARL


@pytest.fixture
def keeper() -> Doorkeeper:
    return Doorkeeper()


@pytest.fixture
def service(desk: Desk, keeper: Doorkeeper) -> Any:
    engine = Engine({ALL: Account(ALL, SimpleNamespace())})  # type: ignore[arg-type]
    return SimpleNamespace(store=desk.store, engine=engine, world=desk.world, doorkeeper=keeper)


async def ask(service: Any, method: str, path: str, headers: dict[str, str], client: str = "127.0.0.1", **body: Any) -> Any:
    closing = asyncio.Event()
    transport = httpx2.ASGITransport(make_app(service, [], closing), client=(client, 50000))
    async with httpx2.AsyncClient(transport=transport, base_url=f"http://{HERE}") as session:
        return await session.request(method, path, headers={"Host": HERE} | headers, **body)


async def decide(service: Any, headers: dict[str, str], client: str = "127.0.0.1") -> Any:
    return await ask(service, "POST", "/api/followers", headers, client, content=json.dumps(WANTED))


# ---------------------------------------------------------------- who may decide


async def test_who_means_it_decides(service: Any, keeper: Doorkeeper) -> None:
    answer = await decide(service, MEANT)
    assert (answer.status_code, answer.json()) == (200, {"done": "@karl@social.example (Karl) now follows allhands."})
    assert keeper.asked == [("allhands", "@karl@social.example", "approve", "lynn")]


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json"},
        {"X-Viabridge": "1"},
        {"Content-Type": "text/plain", "X-Viabridge": "1"},
        {"Content-Type": "application/x-www-form-urlencoded", "X-Viabridge": "1"},
        {"Content-Type": "multipart/form-data; boundary=application/json", "X-Viabridge": "1"},
        {"Content-Type": "application/json", "X-Viabridge": "0"},
        {**MEANT, "Origin": "https://evil.example"},
        {**MEANT, "Origin": "null"},
        {**MEANT, "Origin": "http://127.0.0.1:9999"},
        {**MEANT, "Origin": "https://127.0.0.1:8080"},
        {**MEANT, "Sec-Fetch-Site": "cross-site"},
        {**MEANT, "Sec-Fetch-Site": "same-site"},
    ],
)
async def test_no_web_page_decides(service: Any, keeper: Doorkeeper, headers: dict[str, str]) -> None:
    answer = await decide(service, headers)
    assert answer.status_code == 403
    assert keeper.asked == []


async def test_no_page_is_told_that_it_might(service: Any) -> None:
    """What a browser asks before it lets a page send JSON and headers of its own."""
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = await ask(service, "OPTIONS", "/api/followers", {**asked, "Access-Control-Request-Headers": "x-viabridge"})
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize("path", ["/api/followers", "/api/followers/audit", "/api/held"])
async def test_nobody_elsewhere_sees_or_decides(service: Any, keeper: Doorkeeper, path: str) -> None:
    assert (await ask(service, "GET", path, {}, "192.0.2.7")).status_code == 404
    assert (await ask(service, "GET", path, {"Host": "rebound.example"})).status_code == 404
    assert (await decide(service, MEANT, "192.0.2.7")).status_code == 404
    assert keeper.asked == []


async def test_a_get_never_decides(service: Any, keeper: Doorkeeper) -> None:
    await ask(service, "GET", "/api/followers", MEANT, params=WANTED)
    assert keeper.asked == []


@pytest.mark.parametrize("changes", [{"deed": "explode"}, {"by": ""}, {"more": 1}, {"account": None}])
async def test_what_is_no_decision_is_refused(service: Any, keeper: Doorkeeper, changes: dict[str, Any]) -> None:
    answer = await ask(service, "POST", "/api/followers", MEANT, content=json.dumps(WANTED | changes))
    assert answer.status_code == 422
    assert keeper.asked == []


@pytest.mark.parametrize(
    ("trouble", "status", "said"),
    [
        (Nobody("Nobody asks."), 409, "Nobody asks."),
        (Rejected("No."), 409, "No."),
        (Retryable("Away."), 503, "Away. It is tried"),
    ],
)
async def test_why_not_is_said(service: Any, keeper: Doorkeeper, trouble: Exception, status: int, said: str) -> None:
    keeper.trouble = trouble
    answer = await decide(service, MEANT)
    assert (answer.status_code, answer.json()["error"].startswith(said)) == (status, True)


@pytest.mark.scenario("K02")
async def test_the_status_page_shows_a_door_that_stands_open(service: Any) -> None:
    account = service.engine.accounts[ALL]
    account.opened.set()
    account.gate = "It is not locked."
    page = (await ask(service, "GET", "/", {})).text
    assert "needs you" in page
    assert "It is not locked." in page
    account.gate = ""
    assert "needs you" not in (await ask(service, "GET", "/", {})).text


# ---------------------------------------------------------------- what people read


async def followers_of(service: Any, desk: Desk) -> Any:
    for follower, state in ((KARL, FollowState.FOLLOWING), (STRANGER, FollowState.ASKING)):
        known = Known(follower, state, NOW)
        await desk.write(lambda tx, known=known: people.note(tx, ALL, known))  # type: ignore[misc]
    return (await ask(service, "GET", "/api/followers", {})).json()


async def test_followers_are_listed_with_what_to_decide(service: Any, desk: Desk) -> None:
    lines = list(listings.followers(await followers_of(service, desk)))
    assert lines[0] == "allhands: 1 follow, 1 ask to."
    assert "asks     @stranger@social.example" in lines[2]
    assert "approve or reject them" in lines[2]
    assert "@karl@social.example (Karl, karl in the mapping file) since 2023-11-14 22:13 UTC" in lines[3]


async def test_nothing_that_a_stranger_calls_themselves_commands_the_terminal(service: Any, desk: Desk) -> None:
    lines = "".join(listings.followers(await followers_of(service, desk)))
    assert "\x1b" not in lines
    assert "\ufffd[31mstranger" in lines


async def test_followers_not_in_the_file_are_proposed_for_removal_and_movers_shown(service: Any, desk: Desk) -> None:
    moved = Follower(UserId("13"), "Lynn", ("13", "@misslynn13@social.example"), moved=True)
    for each in (STRANGER, moved):
        await desk.write(lambda tx, each=each: people.note(tx, ALL, Known(each, FollowState.FOLLOWING, NOW)))  # type: ignore[misc]
    [door] = (await ask(service, "GET", "/api/followers", {})).json()["accounts"]
    advice = {each["name"]: each["advice"] for each in door["following"]}
    assert "remove them" in advice[STRANGER.name]
    assert advice["Lynn"].startswith("Lynn seems to have moved")


async def test_the_audit_log_is_listed_newest_first(service: Any, desk: Desk) -> None:
    for number, by in enumerate(("file", "lynn")):
        decision = Decision(NOW + number, Deed.APPROVE, ALL, KARL.user, "@karl@social.example", by)
        await desk.write(lambda tx, decision=decision: people.record(tx, decision))  # type: ignore[misc]
    lines = list(listings.decisions((await ask(service, "GET", "/api/followers/audit", {})).json()))
    assert [line.rpartition(" ")[2] for line in lines] == ["lynn", "file"]


@pytest.mark.scenario("A08")
async def test_held_posts_are_listed_with_who_where_and_why(service: Any, desk: Desk) -> None:
    await desk.hear(created("let me in\nplease", place=LYNNS_DIRECT))
    lines = list(listings.held((await ask(service, "GET", "/api/held", {})).json()))
    assert "lynn.example (lynn@example.org) at allhands/a direct message" in lines[0]
    assert Reason.NOT_A_WRITER.sentence in lines[0]
    assert lines[1] == "    let me in"


@pytest.mark.scenario("D04")
async def test_what_was_missed_is_listed_with_the_time_when_it_was_written(service: Any, desk: Desk) -> None:
    await desk.hear(created("last week\nand more", at=at(-7 * 24 * 3600)))
    gone = created("taken back", at=at(-7 * 24 * 3600))
    await desk.hear(gone)
    await desk.hear(deleted(gone))
    lines = list(listings.missed((await ask(service, "GET", "/api/missed", {})).json()))
    assert f"{at(-7 * 24 * 3600):%Y-%m-%d %H:%M} UTC  lynn.example (lynn@example.org) at team/all-hands" in lines[0]
    assert lines[1:] == ["    last week"]


async def test_what_could_not_be_understood_is_held_too(service: Any, desk: Desk) -> None:
    from bridge.store import inward

    assert await desk.write(lambda tx: inward.take(tx, desk.raw(ALL), NOW))
    await desk.write(lambda tx: tx.execute(sql.raw.update().values(state="held", reason="unparsable")))
    [line] = listings.held((await ask(service, "GET", "/api/held", {})).json())
    assert Reason.UNPARSABLE.sentence in line


def test_where_there_is_nothing_that_is_said() -> None:
    assert list(listings.held({"held": []})) == ["Nothing is held."]
    assert list(listings.missed({"missed": []})) == ["Nothing was missed."]
    assert list(listings.decisions({"decisions": []})) == ["Nothing was decided yet."]
    assert list(listings.followers({"accounts": []})) == ["No account of the mapping file approves its followers."]


# ---------------------------------------------------------------- the command


def test_without_a_service_the_command_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["viabridge", "followers", "list", "--url", "http://127.0.0.1:1"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == EXIT_CONFIG
    assert "No viabridge answers at http://127.0.0.1:1. Start it with `viabridge serve`" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1", "127.0.0.1:8080"])
def test_only_the_web_is_asked(url: str) -> None:
    with pytest.raises(calling.ConfigError, match="must start with http"):
        calling.ask(url, "/api/held")


def test_the_user_of_the_terminal_decides_unless_another_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def ask(_url: str, _path: str, body: Any) -> Any:
        asked.append(body["by"])
        return {"done": "Done."}

    monkeypatch.setattr(calling, "ask", ask)
    monkeypatch.setattr("getpass.getuser", lambda: "root")
    for named in ([], ["--as", "Lynn"]):
        assert CliRunner().invoke(app, ["followers", "approve", "allhands", "@karl", *named]).output == "Done.\n"
    assert asked == ["root", "Lynn"]


def test_an_option_before_the_command_is_not_silently_ignored() -> None:
    ended = CliRunner().invoke(app, ["followers", "--url", "http://127.0.0.1:1", "audit"])
    assert ended.exit_code == 2
