"""What `viabridge check` says of a mail account: records at the name service, a mail to ourselves, the clock, who vouches."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from adapters.email.hints import hints
from adapters.email.mime import read_fields
from adapters.email.probing import Back, probe, told_by
from adapters.email.sandbox import EmailSandbox
from adapters.email.settings import Settings
from bridge.contract import Level
from tests.email.support import HOME, NOW, adapter_for, refused

HOST = "lists.viabridge.dev"
GOOD: Mapping[tuple[str, str], tuple[str, ...]] = {
    (HOST, "MX"): ("10 mx.viabridge.dev.",),
    (HOST, "TXT"): ("something else", "v=spf1 a -all"),
    ("_dmarc.viabridge.dev", "TXT"): ("v=DMARC1; p=quarantine",),
}


def settings(**changes: object) -> Settings:
    values = {"platform": "email", "domain": HOST, "smtp": "127.0.0.1:25", "listen": "lmtp:127.0.0.1:8024", "secret": "x"}
    return Settings.model_validate(values | changes)


def asked(records: Mapping[tuple[str, str], tuple[str, ...] | None], **changes: object) -> list[tuple[Level, str, str]]:
    found = hints(HOST, settings(**changes), lambda name, kind: records.get((name, kind), ()))
    return [(each.level, each.what, each.cure) for each in found]


def test_a_domain_whose_records_are_there_is_well() -> None:
    assert [level for level, _, _ in asked(GOOD)] == [Level.OK] * 3


def test_each_record_that_is_missing_is_named_with_what_to_publish() -> None:
    mx, spf, dmarc = asked({})
    assert mx[0] is Level.ERROR
    assert (spf[0], dmarc[0]) == (Level.WARNING, Level.WARNING)
    assert "v=spf1" in spf[2]
    assert f"_dmarc.{HOST}" in dmarc[2]


def test_a_name_service_that_does_not_answer_proves_nothing() -> None:
    found = asked({(HOST, "MX"): None, (HOST, "TXT"): None, (f"_dmarc.{HOST}", "TXT"): None})
    assert {level for level, _, _ in found} == {Level.WARNING}


def test_two_spf_records_are_as_none() -> None:
    [_, spf, _] = asked({**GOOD, (HOST, "TXT"): ("v=spf1 a -all", "v=spf1 mx -all")})
    assert spf[0] is Level.ERROR


def test_names_that_are_nowhere_are_not_asked_about() -> None:
    def nobody(name: str, kind: str) -> tuple[str, ...]:
        pytest.fail(f"{name} {kind} was asked about")

    for name in ("bridge.example", "lists.example.org", "mail.lan"):
        assert hints(name, settings(), nobody) == ()


def openssl(words: str, given: str = "") -> bytes:
    return subprocess.run(["openssl", *words.split()], input=given.encode(), capture_output=True, check=True, timeout=60).stdout


def test_the_published_key_must_be_that_of_the_signatures() -> None:
    mine, other = (openssl("genrsa 2048").decode() for _ in range(2))
    where = (f"viabridge._domainkey.{HOST}", "TXT")
    levels = []
    for key in (mine, other):
        public = base64.b64encode(openssl("rsa -pubout -outform DER", key)).decode()
        found = asked({**GOOD, where: (f"v=DKIM1; k=rsa; p={public}",)}, dkim_key=mine)
        levels += [level for level, what, _ in found if what.startswith("DKIM")]
    levels += [level for level, what, _ in asked(GOOD, dkim_key=mine) if what.startswith("DKIM")]
    assert levels == [Level.OK, Level.ERROR, Level.ERROR]


# ---------------------------------------------------------------- a mail to ourselves


def test_a_mail_to_ourselves_is_no_post() -> None:
    assert refused(probe(HOME, NOW).body) == "loop"


def back(*fields: str, late: float = 0.0) -> list[tuple[Level, str]]:
    got = Back(read_fields(("\r\n".join(fields) + "\r\n\r\n").encode()), 1.0, NOW + timedelta(seconds=late))
    return [(each.level, each.what) for each in told_by(got, "round trip", settings(trusted_authserv="mx.dev"), NOW)]


def test_a_clock_that_is_off_is_told() -> None:
    signed = "DKIM-Signature: v=1"
    assert [level for level, _ in back(signed)] == [Level.OK, Level.OK]
    [_, (level, what)] = back(signed, late=-3600)
    assert (level, "3600 s off" in what) == (Level.WARNING, True)


def test_a_server_that_vouches_under_another_name_is_told() -> None:
    found = back("DKIM-Signature: v=1", "Authentication-Results: mx.other.dev; dmarc=pass")
    assert (Level.ERROR, "`trusted_authserv` is mx.dev, and what comes in is vouched for by mx.other.dev") in found
    assert Level.ERROR not in {level for level, _ in back("DKIM-Signature: v=1", "Authentication-Results: mx.dev; dmarc=pass")}


def test_mail_that_nobody_signs_is_told() -> None:
    assert any(level is Level.WARNING and "DKIM" in what for level, what in back("Subject: x"))


def test_a_mail_to_ourselves_that_never_comes_is_told() -> None:
    assert next(told_by(None, "round trip", settings(), datetime.now(UTC))).level is Level.ERROR


async def test_the_sandbox_brings_a_mail_to_ourselves_by_the_port() -> None:
    async with EmailSandbox() as sandbox:
        adapter = await adapter_for(sandbox)
        async with adapter.open():
            found = await adapter.check()
    assert any("came back after" in each.what and each.level is Level.OK for each in found), found


async def test_a_server_that_takes_no_login_is_told_with_its_cure() -> None:
    async with EmailSandbox() as sandbox:
        adapter = await adapter_for(sandbox, login="me:secret")
        async with adapter.open():
            sending = (await adapter.check())[0]
    assert (sending.level, "587 or 465" in sending.cure) == (Level.ERROR, True)
