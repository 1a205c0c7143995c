"""Ordinary clients, which know nothing of viabridge, join in with what the sandboxes tell; their posts arrive once."""

from __future__ import annotations

import asyncio
import smtplib

import pytest
from mastodon import Mastodon
from slack_sdk import WebClient

from bridge.post import NativeId
from tests.flow.house import House, unique

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_post_by_plain_slack_sdk_arrives_everywhere_once(house: House) -> None:
    joining, words = house.sandbox("slack").joining, unique("from a script of Lynn's")
    client = WebClient(token=joining["lynn's token"], base_url=joining["api url"], timeout=10)
    posted = await asyncio.to_thread(client.chat_postMessage, channel="#all-hands", text=words)
    here = house.place("slack", "all-hands")
    said = house._note("slack", words, NativeId(posted["ts"]), [each for each in house.destinations if each.place != here])
    copies = await house.arrives(said)
    assert all("via Lynn" in copy.text for copy in copies.values())


async def test_a_direct_message_by_plain_mastodon_py_arrives_everywhere_once(house: House) -> None:
    joining, words = house.sandbox("mastodon").joining, unique("can everyone meet @ 2pm?")
    client = Mastodon(api_base_url=joining["server"], access_token=joining["access token of @karl"], request_timeout=10)
    posted = await asyncio.to_thread(client.status_post, f"@allhands {words}", visibility="direct")
    copies = await house.arrives(house._note("mastodon", words, NativeId(str(posted["id"])), house.destinations))
    assert all("via Karl" in copy.text for copy in copies.values())


async def test_a_stranger_with_a_client_of_their_own_sees_none_of_it(house: House) -> None:
    joining = house.sandbox("mastodon").joining
    said, copies = await house.says("slack", "not for strangers")
    status = next(copy for to, copy in copies.items() if to.account == "mastodon")
    stranger = Mastodon(api_base_url=joining["server"], access_token=joining["access token of @stranger"], request_timeout=10)
    account = (await asyncio.to_thread(stranger.account_lookup, "allhands"))["id"]
    assert await asyncio.to_thread(stranger.account_statuses, account) == []
    with pytest.raises(Exception, match="404"):
        await asyncio.to_thread(stranger.status, status.id)
    assert said.mark in status.text


async def test_a_mail_by_a_plain_mail_program_arrives_everywhere_once(house: House) -> None:
    joining, words = house.sandbox("email").joining, unique("the chair writes")
    host, _, port = joining["SMTP server"].partition(":")
    mail = f"From: chair@board.example\r\nTo: {joining['group address']}\r\nSubject: Hello\r\n\r\n{words}\r\n"

    def send() -> None:
        with smtplib.SMTP(host, int(port), timeout=10) as client:
            client.sendmail("chair@board.example", [joining["group address"]], mail)

    await asyncio.to_thread(send)
    to = [each for each in house.destinations if each.reader != "chair@board.example"]
    copies = await house.arrives(house._note("email", words, NativeId(""), to))
    assert all("via Chair" in copy.text for copy in copies.values())
