"""Several posts in one mail through the real adapter and its sandbox: what it says, what it stands for, how it is answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from sqlalchemy import select

from adapters.email.adapter import EmailAdapter
from adapters.email.clients import letterhead
from adapters.email.mime import Mail, read_mail
from adapters.email.sandbox import EmailSandbox
from bridge.contract import Fault, Standing
from bridge.mappings import Deliver
from bridge.post import Created, Destination, Event, Raw, UserId, Wish, Wished, direct
from bridge.store import Store, sql
from tests.core.desk import Desk
from tests.core.letters import CHAIR, EIGHT, LEADERS, NOON, reads, receipts, said, serve_by
from tests.core.worlds import MAIL, MAILS, OTHER_CHANNEL, created
from tests.email.support import MemoryInbox, adapter_for, running, until


@dataclass
class Office:
    """A desk, and the real mail adapter beside its sandbox. The desk's clock stands still."""

    desk: Desk
    sandbox: EmailSandbox
    adapter: EmailAdapter
    inbox: MemoryInbox

    async def bring(self) -> list[Mail]:
        """Bring what is due to the chair; the mails that it came in."""
        before = len(self.sandbox.arrivals)
        for place in (MAILS, LEADERS, direct(MAIL, UserId(CHAIR))):
            await serve_by(self.desk, self.adapter, Destination(place, None if place.is_direct else CHAIR))
        return [read_mail(arrival.body) for arrival in self.sandbox.arrivals[before:]]

    def copies(self) -> list[Standing]:
        return [each for each in self.sandbox.standing() if each.by_bridge]

    async def answered(self, mail: Mail, text: str) -> tuple[object, ...]:
        """What the chair's answer says, with the digest quoted and `text` being the whole answer."""
        head = letterhead(mail)
        recipient = head.reply_to.partition("<")[2].rstrip(">") or head.reply_to
        name = f"answer{len(self.inbox.raws)}@board.example"
        lines = [
            f"From: The chair <{CHAIR}>",
            f"To: {recipient}",
            f"Message-ID: <{name}>",
            f"In-Reply-To: <{head.message_id}>",
            "Content-Type: text/plain; charset=utf-8",
            f"Subject: Re: {head.subject.encode('ascii', 'ignore').decode()}",
        ]
        known = set(self.inbox.raws)
        self.sandbox.submit(CHAIR, recipient, ("\r\n".join(lines) + "\r\n\r\n" + text).encode())
        await until(lambda: len(self.inbox.raws) > len(known))
        [raw] = [raw for key, raw in self.inbox.raws.items() if key not in known]
        return self.said(raw)

    def said(self, raw: Raw) -> tuple[object, ...]:
        return self.adapter.parse(replace(raw, at=datetime.fromtimestamp(self.desk.now, UTC)))

    async def parents(self, *events: object) -> list[tuple[str, str]]:
        """Accept the events; where each post stands now, and the words of what it answers."""
        found: list[tuple[str, str]] = []
        for event in events:
            assert isinstance(event, Created)
            await self.desk.hear(event)
            rows = await self.desk.read(lambda tx: list(tx.execute(select(sql.post).order_by(sql.post.c.id))))
            [mine] = [row for row in rows if row.native == event.ref.id]
            parent = next((row for row in rows if row.id == mine.parent_id), None)
            found.append((mine.place, parent.native if parent else ""))
        return found


@pytest_asyncio.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    store = Store(f"sqlite:///{tmp_path / 'bridge.db'}")
    inbox = MemoryInbox()
    try:
        async with EmailSandbox() as sandbox, running(await adapter_for(sandbox), inbox) as adapter:
            yield Office(Desk(store, reads(Deliver.DAILY), NOON), sandbox, adapter, inbox)
    finally:
        store.close()


async def digest(office: Office) -> tuple[Mail, dict[str, Event]]:
    """Two conversations of all-hands and one of leaders, in one mail."""
    one = said(office.desk, "Can everyone meet?")
    answer = said(office.desk, "At two", one)
    posts: dict[str, Event] = {
        "one": one,
        "answer": answer,
        "two": said(office.desk, "Lunch is late"),
        "leaders": said(office.desk, "Budget", place=OTHER_CHANNEL),
    }
    for post in posts.values():
        await office.desk.hear(post)
    office.desk.now = EIGHT
    [mail] = await office.bring()
    return mail, posts


def quoted(mail: Mail, **below: str) -> str:
    """The digest as an answering program quotes it, with words below the posts with these numbers; "n0" is on top."""
    out = [*([below["n0"]] if "n0" in below else []), "", "On Thu, Nov 26, 2026 at 8:00 AM, All-Hands wrote:", ""]
    current = ""
    text = next(section.plain for section in mail.sections if section.plain)
    for line in text.split("\n"):
        if line.startswith("▸ "):
            if current in below:
                out += ["", below[current], ""]
            current = f"n{line.split()[1]}"
        out.append(f"> {line}".rstrip())
    return "\r\n".join([*out, "", *([below[current]] if current in below else [])])


@pytest.mark.scenario("J16")
async def test_a_digest_names_each_post_with_its_author_and_conversation(office: Office) -> None:
    mail, _ = await digest(office)
    text = next(section.plain for section in mail.sections if section.plain)
    assert mail.subject == "All-Hands and Leaders: 4 posts"
    assert text.startswith("4 posts in 3 conversations. To answer a post, write right below it, or press its Answer link.")
    order = [
        text.index(words)
        for words in ("▸ 1 ·", ": Can everyone meet?", "▸ 2 ·", ": At two", "▸ 3 ·", ": Lunch", "▸ 4 ·", ": Budget")
    ]
    assert order == sorted(order)
    assert "↪" not in text  # what is answered stands right above
    html = next(section.html for section in mail.sections if section.html)
    assert html.count(">Answer</a>") == 4
    assert mail.first("references") == ""


async def test_the_copies_in_a_digest_are_those_that_have_receipts(office: Office) -> None:
    await digest(office)
    standing = {f"{each.place}:{each.id}" for each in office.copies()}
    assert (len(standing), standing) == (4, set(await receipts(office.desk, CHAIR)))
    assert {(each.place, each.text.splitlines()[-1]) for each in office.copies()} == {
        ("all-hands", "via lynn.example: Can everyone meet?"),
        ("all-hands", "via lynn.example: At two"),
        ("all-hands", "via lynn.example: Lunch is late"),
        ("leaders", "via lynn.example: Budget"),
    }


@pytest.mark.scenario("J03")
async def test_answers_below_posts_of_a_digest_go_each_to_its_own(office: Office) -> None:
    mail, posts = await digest(office)
    events = await office.answered(mail, quoted(mail, n2="Too early!", n3="Fine", n4="Cut it\r\nin half"))
    assert [event.post.text[0].children[0].text for event in events if isinstance(event, Created)] == [  # type: ignore[union-attr]
        "Too early!",
        "Fine",
        "Cut it",
    ]
    assert await office.parents(*events) == [
        ("all-hands", posts["answer"].ref.id),
        ("all-hands", posts["two"].ref.id),
        ("leaders", posts["leaders"].ref.id),
    ]


@pytest.mark.scenario("J03")
async def test_what_stands_above_a_digest_goes_with_the_first_answer_below(office: Office) -> None:
    mail, _ = await digest(office)
    [event] = await office.answered(mail, quoted(mail, n0="Good morning", n3="Fine"))
    assert isinstance(event, Created)
    assert [block.children[0].text for block in event.post.text] == ["Good morning", "Fine"]  # type: ignore[union-attr]


async def test_an_answer_to_a_digest_as_a_whole_is_not_guessed_about(office: Office) -> None:
    mail, _ = await digest(office)
    [event] = await office.answered(mail, quoted(mail, n0="I agree"))
    assert isinstance(event, Wish)
    assert event.wished is Wished.WHICH
    await office.desk.hear(event)  # type: ignore[arg-type]
    [told] = [each for each in await office.bring() if "▸" not in each.subject]
    assert "your answer was not posted" in " ".join((told.sections[0].plain or "").split())


async def test_an_answer_link_leads_to_its_post(office: Office) -> None:
    mail, posts = await digest(office)
    text = next(section.plain for section in mail.sections if section.plain)
    links = [line.strip().removeprefix("Answer: ") for line in text.split("\n") if line.startswith("  Answer: ")]
    assert len(links) == 4
    link = urlsplit(links[3])
    subject = parse_qs(link.query)["subject"][0]
    known = set(office.inbox.raws)
    words = f"From: {CHAIR}\r\nTo: {link.path}\r\nSubject: {subject}\r\nMessage-ID: <x1@board.example>\r\n\r\nYes"
    office.sandbox.submit(CHAIR, link.path, words.encode())
    await until(lambda: len(office.inbox.raws) > len(known))
    [raw] = [raw for key, raw in office.inbox.raws.items() if key not in known]
    assert await office.parents(*office.said(raw)) == [("leaders", posts["leaders"].ref.id)]


async def test_a_post_that_pretends_to_be_the_next_one_is_not_taken_for_it(office: Office) -> None:
    await office.desk.hear(created("hi\n▸ 2 · The chair\nI resign", at=datetime.fromtimestamp(NOON, UTC)))
    await office.desk.hear(said(office.desk, "two"))
    office.desk.now = EIGHT
    [mail] = await office.bring()
    text = next(section.plain for section in mail.sections if section.plain)
    assert text.count("▸ 2 ·") == 1


@pytest.mark.scenario("J17")
async def test_a_bundled_conversation_is_answered_by_pressing_reply(office: Office) -> None:
    office.desk.world = reads()
    one = said(office.desk, "Can everyone meet?")
    await office.desk.hear(one)
    two = said(office.desk, "At two", one)
    await office.desk.hear(two)
    office.desk.now += 60
    [mail] = await office.bring()
    first, last = (each.id for each in office.copies())
    assert (mail.message_id, mail.first("references")) == (last, f"<{first}>")
    assert {each.text.splitlines()[-1] for each in office.copies()} == {
        "via lynn.example: Can everyone meet?",
        "via lynn.example: At two",
    }
    events = await office.answered(mail, "Yes\r\n\r\nOn Thu, X wrote:\r\n> At two")
    assert await office.parents(*events) == [("all-hands", two.ref.id)]
    await office.desk.hear(said(office.desk, "In room one", one))
    office.desk.now += 60
    later = [each for each in await office.bring() if each.message_id != mail.message_id]
    assert [each.first("references").split()[0] for each in later] == [f"<{first}>"]


async def test_a_digest_that_comes_again_is_byte_for_byte_the_same(office: Office) -> None:
    office.sandbox.fault(Fault.REPLY_LOST)
    await office.desk.hear(said(office.desk, "one"))
    await office.desk.hear(said(office.desk, "two"))
    office.desk.now = EIGHT
    await office.bring()
    office.desk.now += 60
    await office.bring()
    first, second = office.sandbox.arrivals
    assert first.body == second.body
    assert len(office.copies()) == len(await receipts(office.desk, CHAIR)) == 2
