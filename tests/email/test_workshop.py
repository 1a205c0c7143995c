"""Mail is taken apart in a child process, which may hang, bloat or die without harm to us."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from adapters.email.mime import file_bytes
from adapters.email.parse import parse, raws
from adapters.email.sandbox import EmailSandbox
from adapters.email.workshop import Workshop
from bridge.contract import Capabilities
from bridge.errors import Retryable, Unparsable
from bridge.post import Created
from tests.email.support import CORPORA, HOME, NOW, MemoryInbox, adapter_for, mail, raw, running


@pytest.fixture
def workshop() -> Iterator[Workshop]:
    made = Workshop(seconds=2.0)
    yield made
    made.close()


def test_what_is_done_in_the_child_is_what_would_be_done_here(workshop: Workshop) -> None:
    taken = raw(mail("Hello"))
    assert workshop.do(parse, taken, HOME) == parse(taken, HOME)
    with pytest.raises(Unparsable, match="one From line"):
        workshop.do(parse, raw(mail(sender="")), HOME)


@pytest.mark.parametrize(
    ("work", "given"), [(time.sleep, (60,)), (os.abort, ()), (bytes, (3_000_000_000,))], ids=["hangs", "dies", "bloats"]
)
def test_a_mail_that_hangs_or_kills_its_reader_is_held_and_the_next_one_is_read(
    workshop: Workshop, work: object, given: tuple[object, ...]
) -> None:
    with pytest.raises(Unparsable, match="too long or too much"):
        workshop.do(work, *given)  # type: ignore[arg-type]
    assert isinstance(workshop.do(parse, raw(mail("Hello")), HOME)[0], Created)


async def test_an_open_account_reads_in_its_child_and_ends_it() -> None:
    async with EmailSandbox() as sandbox:
        adapter = await adapter_for(sandbox)
        assert isinstance(adapter.capabilities, Capabilities)
        assert adapter.capabilities.hostile
        async with running(adapter, MemoryInbox()):
            assert isinstance(adapter.parse(raw(mail("Hello")))[0], Created)
            child = adapter._workshop._child
            assert child is not None
        assert child.returncode is not None


def test_no_published_odd_mail_raises_or_hangs(workshop: Workshop) -> None:
    folder = CORPORA / "mime"
    if not folder.exists():
        pytest.skip("the published odd mails are not beside this checkout (../shared/corpora)")
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and file.suffix != ".jsonl"]
    assert files
    for file in files:
        for taken in raws(file.read_bytes(), HOME, NOW):
            try:
                events = workshop.do(parse, taken, HOME)
            except Unparsable:
                continue
            for event in events:
                for media in event.post.media if isinstance(event, Created) else ():
                    if media.source:
                        body = workshop.do(file_bytes, taken.body, int(media.source.rpartition("#")[2]))
                        assert body is not None
                        assert media.size == len(body), file.name


def test_closing_waits_for_no_work_and_says_nothing_against_the_mail() -> None:
    patient = Workshop(seconds=3600.0)
    with ThreadPoolExecutor() as pool:
        work = pool.submit(patient.do, time.sleep, 3600)
        while patient._child is None:
            time.sleep(0.01)
        patient.close()
        with pytest.raises(Retryable, match="read again"):
            work.result()
    with pytest.raises(Retryable):
        patient.do(len, "late")


class ClosedOnceAsked(threading.Event):
    """Is set just after it was first asked, as where an account is closed between a look and what follows it."""

    def is_set(self) -> bool:
        was = super().is_set()
        self.set()
        return was


def test_a_child_that_is_started_as_the_account_is_closed_does_nothing() -> None:
    workshop = Workshop()
    workshop._closed = ClosedOnceAsked()
    with pytest.raises(Retryable, match="read again"):
        workshop.do(len, "mail")
    assert workshop._child is None
