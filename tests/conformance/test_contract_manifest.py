"""The front door: manifests are light, settings strict and discreet, and a sandbox's account passes for a real one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import get_args

import pytest
from pydantic import BaseModel, SecretStr, ValidationError

from adapters import available
from bridge.contract import Level, Manifest, Sandbox
from bridge.errors import NeedsOperator, Retryable
from tests.conformance.rig import ACCOUNT, Rig, settings_of

LIGHT = ("adapters", "bridge", "pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection")


def test_a_manifest_names_the_platform_of_its_folder_and_settings(manifest: Manifest) -> None:
    assert available()[manifest.platform] == manifest
    assert manifest.title
    assert get_args(manifest.settings.model_fields["platform"].annotation) == (manifest.platform,)


def test_importing_all_manifests_imports_no_sdk() -> None:
    """In a process of its own: here, other tests have imported everything."""
    program = (
        "import sys, adapters\nadapters.available()\n"
        "import importlib.metadata as m\nd = m.packages_distributions()\n"
        "print(*sorted({n.partition('.')[0] for n in sys.modules} & set(d)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert set(done.stdout.split()) <= {*LIGHT}


async def test_settings_refuse_a_key_they_do_not_know(manifest: Manifest, sandbox: Sandbox) -> None:
    assert isinstance(settings_of(manifest, sandbox.account), manifest.settings)
    with pytest.raises(ValidationError, match="streaming_ulr"):
        settings_of(manifest, {**sandbox.account, "streaming_ulr": "x"})


async def test_settings_have_a_timeout_for_each_request(manifest: Manifest, sandbox: Sandbox) -> None:
    assert 0 < settings_of(manifest, sandbox.account).timeout <= 60  # type: ignore[attr-defined]


def secrets(settings: BaseModel) -> dict[str, SecretStr]:
    return {name: value for name, value in settings if isinstance(value, SecretStr)}


def spoiled(account: dict[str, object], keys: Iterator[str]) -> Iterator[dict[str, object]]:
    """The account without each of its keys, with each key wrong, and with one too many."""
    for key in keys:
        yield {name: value for name, value in account.items() if name != key}
        yield {**account, key: ["wrong"]}
    yield {**account, "surplus": 1}


async def test_neither_settings_nor_their_errors_show_a_secret(manifest: Manifest, sandbox: Sandbox) -> None:
    account = dict(sandbox.account)
    settings = settings_of(manifest, account)
    hidden = [value.get_secret_value() for value in secrets(settings).values()]
    shown = [repr(settings), str(settings), settings.model_dump_json()]
    for wrong in spoiled(account, iter(sandbox.account)):
        try:
            settings_of(manifest, wrong)
        except ValidationError as refusal:
            shown.append(str(refusal))
    assert not [line for line in shown for secret in hidden if secret in line or secret[:12] in line]


async def test_an_adapter_shows_no_secret(rig: Rig) -> None:
    hidden = [value.get_secret_value() for value in secrets(settings_of(rig.manifest, rig.sandbox.account)).values()]
    assert not [secret for secret in hidden if secret in repr(rig.adapter)]


async def test_check_finds_nothing_wrong_with_a_fresh_sandbox(rig: Rig) -> None:
    found = await rig.adapter.check()
    assert found
    assert not [one for one in found if one.level is Level.ERROR]
    assert all(one.what for one in found)


async def test_a_check_that_complains_names_the_cure(rig: Rig) -> None:
    await rig.sandbox.unplug()
    try:
        found = await rig.adapter.check()
    finally:
        await rig.sandbox.plug()
    complaints = [one for one in found if one.level is not Level.OK]
    assert complaints
    assert all(one.cure for one in complaints)


async def test_every_place_of_the_sandbox_has_an_id_of_its_own(rig: Rig) -> None:
    pinned = [await rig.adapter.pin(name) for name in rig.sandbox.places]
    assert len({*pinned}) == len(pinned)
    assert pinned == [await rig.adapter.pin(name) for name in rig.sandbox.places]


async def test_an_unknown_place_needs_the_operator_who_is_told_its_name(rig: Rig) -> None:
    with pytest.raises(NeedsOperator, match="no such place"):
        await rig.adapter.pin("no such place")


async def test_a_wrong_secret_needs_the_operator(manifest: Manifest, sandbox: Sandbox) -> None:
    settings = settings_of(manifest, sandbox.account)
    if not secrets(settings):
        pytest.skip("the sandbox lets everyone in")
    wrong = {name: SecretStr("wrong" + value.get_secret_value()[::-1]) for name, value in secrets(settings).items()}
    adapter = manifest.adapter(ACCOUNT, settings.model_copy(update=wrong))
    with pytest.raises(NeedsOperator) as caught:
        async with adapter.open():
            pass
    assert not [value for value in wrong.values() if value.get_secret_value() in caught.value.sentence]


async def test_an_unreachable_platform_is_tried_again(manifest: Manifest, sandbox: Sandbox) -> None:
    adapter = manifest.adapter(ACCOUNT, settings_of(manifest, sandbox.account))
    await sandbox.unplug()
    try:
        async with adapter.open():
            complaints = [one for one in await adapter.check() if one.level is Level.ERROR]
    except Retryable:
        return
    finally:
        await sandbox.plug()
    assert complaints  # it could be opened without its platform; then its check must say so
