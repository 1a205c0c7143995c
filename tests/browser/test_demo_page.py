"""The demo's page in a real browser: send, arrive, reply, unplug, plug in; by mouse and by keyboard, wide and narrow."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

ROOT = Path(__file__).resolve().parents[2]
READY = "Can everyone meet @ 2pm today?"
PATIENCE_MS = 20_000
CHROMIUM = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None and os.environ.get("CI", "").lower() != "true":
        pytest.skip("no Chromium here; install it with: apt-get install chromium")
    assert CHROMIUM, "CI must have Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One demo for all tests here; each writes texts of its own."""
    command = [sys.executable, "-m", "bridge.cli", "demo", "--port", "0"]
    surroundings = os.environ | {"TMPDIR": str(tmp_path_factory.mktemp("demo")), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=ROOT, env=surroundings, stdout=subprocess.PIPE, text=True) as demo:
        try:
            assert demo.stdout is not None
            yield next(line.strip() for line in demo.stdout if line.strip().startswith("http://"))
        finally:
            demo.terminate()
            demo.wait(15)


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """The page, opened; whatever the console says in the end is a failure: errors and policy violations show there."""
    context = browser.new_context(viewport={"width": 1400, "height": 860})
    opened = context.new_page()
    said: list[str] = []
    opened.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.goto(url)
    expect(opened.locator("#live")).to_contain_text("Live")
    yield opened
    context.close()
    assert said == []


def column(page: Page, kind: str) -> Locator:
    return page.locator(f".column.{kind}")


def copies(page: Page, kind: str, text: str) -> Locator:
    return column(page, kind).locator(".card.copy").filter(has=page.locator(".text", has_text=text))


def stands_once(page: Page, kind: str, text: str) -> Locator:
    found = copies(page, kind, text)
    expect(found).to_have_count(1, timeout=PATIENCE_MS)
    return found


def say(page: Page, kind: str, text: str) -> None:
    box = column(page, kind).locator(".compose textarea")
    box.fill(text)
    box.press("Enter")
    expect(box).to_have_value("")


def original(page: Page, kind: str, text: str) -> Locator:
    found = column(page, kind).locator(".card.original").filter(has=page.locator(".text", has_text=text))
    expect(found).to_have_count(1)
    return found


def nothing_lost(page: Page) -> None:
    expect(page.locator("#tally")).to_contain_text(re.compile(r"lost\s+0\s+doubled\s+0"))


def test_a_post_arrives_a_leader_answers_and_the_answer_joins_the_thread(page: Page, tmp_path: Path) -> None:
    page.get_by_role("button", name="Send", exact=True).first.click()
    for kind in ("timeline", "inbox"):
        copy = stands_once(page, kind, READY)
        expect(copy.locator(".via")).to_have_text("via Lynn")
        expect(copy.locator(".arrival").first).to_contain_text(re.compile(r"after [\d.]+ (ms|s)"))

    mail = copies(page, "inbox", READY)
    mail.get_by_text("Reply", exact=True).click()
    mail.get_by_role("button", name="Send reply").click()
    for kind in ("channel", "timeline"):
        answer = stands_once(page, kind, "2pm suits us well")
        expect(answer).to_have_class(re.compile("answer"))
        expect(answer.locator(".answers")).to_contain_text(f"in answer to Lynn: {READY}")
        expect(answer.locator(".text")).to_have_text("2pm suits us well")  # its quote is gone
    expect(column(page, "inbox").locator(".quoted")).to_contain_text("wrote:")  # what the mail program really sent

    column(page, "timeline").get_by_role("button", name="Send", exact=True).click()
    stands_once(page, "channel", "I can, the train is on time")
    expect(original(page, "timeline", "I can").locator(".note")).to_contain_text("elsewhere", timeout=PATIENCE_MS)
    nothing_lost(page)
    _take_pictures(page, tmp_path)


def _take_pictures(page: Page, folder: Path) -> None:
    page.mouse.move(0, 0)
    page.screenshot(path=folder / "light.png", animations="disabled")
    if os.environ.get("VIABRIDGE_SCREENSHOT") == "1":
        page.set_viewport_size({"width": 1400, "height": 1000})
        page.screenshot(path=ROOT / "docs" / "demo.png", animations="disabled")
    page.emulate_media(color_scheme="dark")
    page.screenshot(path=folder / "dark.png", animations="disabled")
    page.emulate_media(color_scheme="light")


def test_unplugged_posts_wait_and_then_arrive_once_in_order(page: Page) -> None:
    channel = column(page, "channel")
    channel.get_by_role("button", name="Unplug").click()
    expect(channel.get_by_text("unplugged", exact=True)).to_be_visible()
    texts = [f"{number} while it is away" for number in ("One", "Two", "Three")]
    for text in texts:
        say(page, "inbox", text)
    expect(channel.get_by_text("3 waiting", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    nothing_lost(page)

    channel.get_by_role("button", name="Plug in").click()
    arrived = channel.locator(".card.copy .text", has_text="while it is away")
    expect(arrived).to_have_text(texts, timeout=PATIENCE_MS)
    expect(channel.locator(".chip")).to_have_count(0)
    nothing_lost(page)


def test_an_edit_and_a_deletion_reach_the_copies(page: Page) -> None:
    say(page, "channel", "Bring the old plan")
    stands_once(page, "timeline", "Bring the old plan")
    mine = original(page, "channel", "Bring the old plan")
    expect(mine.locator(".note")).to_contain_text("elsewhere", timeout=PATIENCE_MS)
    mine.get_by_text("Edit", exact=True).click()
    box = mine.get_by_label("The new text")
    expect(box).to_have_value("Bring the old plan")
    box.fill("Bring the new plan")
    mine.get_by_role("button", name="Save").click()
    stands_once(page, "timeline", "Bring the new plan")
    expect(copies(page, "timeline", "Bring the old plan")).to_have_count(0)
    expect(copies(page, "inbox", "Bring the new plan").locator(".via")).to_contain_text("correction", timeout=PATIENCE_MS)

    original(page, "channel", "Bring the new plan").get_by_role("button", name="Delete").click()
    expect(copies(page, "timeline", "Bring the new plan")).to_have_count(0, timeout=PATIENCE_MS)
    expect(column(page, "channel").get_by_text("Bring the new plan")).to_have_count(0)
    nothing_lost(page)


def test_a_stranger_sees_nothing(page: Page) -> None:
    say(page, "channel", "Not for strangers")
    stands_once(page, "timeline", "Not for strangers")
    page.locator(".stranger summary").click()
    expect(page.locator(".stranger")).to_contain_text("A stranger sees nothing of @allhands.")


def test_the_keyboard_is_enough(page: Page) -> None:
    box = column(page, "channel").locator(".compose textarea")
    for _ in range(80):
        page.keyboard.press("Tab")
        if box.evaluate("box => box === document.activeElement"):
            break
    page.keyboard.press("Control+A")
    page.keyboard.type("By keyboard alone")
    page.keyboard.press("Tab")
    send = column(page, "channel").locator(".compose button")
    expect(send).to_be_focused()
    assert send.evaluate("button => getComputedStyle(button).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    stands_once(page, "inbox", "By keyboard alone")


def test_a_tab_that_lost_its_stream_gets_what_it_missed_and_nothing_else(page: Page, url: str) -> None:
    say(page, "channel", "Seen before")
    stands_once(page, "timeline", "Seen before")
    expect(original(page, "channel", "Seen before").locator(".note")).to_contain_text("elsewhere", timeout=PATIENCE_MS)
    page.reload()
    position = page.locator("body").get_attribute("data-position") or ""
    say(page, "channel", "Missed meanwhile")
    stands_once(page, "timeline", "Missed meanwhile")
    stands_once(page, "inbox", "Missed meanwhile")

    lines = stream(url, position, until="Missed meanwhile")
    assert not any("Seen before" in line for line in lines)
    numbers = [int(line.rpartition("-")[2]) for line in lines if line.startswith("id: ")]
    assert numbers == sorted(set(numbers))
    assert min(numbers) > int(position.rpartition("-")[2])


def test_a_tab_of_an_earlier_demo_is_told_to_start_anew(url: str) -> None:
    assert stream(url, "earlier-7", until="{}") == ["event: reload", "data: {}"]


def stream(url: str, since: str, until: str) -> list[str]:
    """The stream as a browser asks for it when it comes back."""
    lines: list[str] = []
    with urlopen(Request(f"{url}events?since=ignored", headers={"Last-Event-ID": since}), timeout=20) as answer:  # noqa: S310
        for line in answer:
            lines.append(line.decode().rstrip())
            if until in lines[-1]:
                break
    return lines


def test_other_sites_may_not_press_its_buttons(url: str) -> None:
    foreign = Request(f"{url}do/plug", data=b"account=x&in=no", headers={"Sec-Fetch-Site": "cross-site"})  # noqa: S310
    with pytest.raises(HTTPError) as refused:
        urlopen(foreign, timeout=20)  # noqa: S310
    with refused.value as answer:
        assert answer.code == 403


def test_a_phone_shows_everything_without_scrolling_sideways(page: Page, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    say(page, "channel", "From a phone")
    stands_once(page, "inbox", "From a phone")
    page.get_by_text("Join with your own client").click()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.screenshot(path=tmp_path / "phone.png", full_page=True, animations="disabled")


def test_it_can_be_read_and_used_without_scripts(browser: Browser, url: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(url)
    column(page, "channel").locator(".compose textarea").fill("Without scripts")
    column(page, "channel").get_by_role("button", name="Send", exact=True).click()
    original(page, "channel", "Without scripts")
    context.close()
