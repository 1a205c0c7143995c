"""Audience, for every source and ceiling: never wider than either, and direct never without consent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.audience import of_copy, too_wide
from bridge.post import Audience

audiences = st.sampled_from(Audience)


@pytest.mark.scenario("K01")
@given(source=audiences, ceiling=audiences, consented=st.booleans())
def test_a_copy_is_never_wider_than_its_source_or_the_ceiling(source: Audience, ceiling: Audience, *, consented: bool) -> None:
    width = of_copy(source, ceiling, consented=consented)
    if width is None:
        return
    assert width <= ceiling
    assert width <= max(source, Audience.GROUP if consented else source)
    assert width >= Audience.GROUP


@pytest.mark.scenario("K01")
@given(ceiling=audiences)
def test_a_direct_message_is_never_copied_without_consent(ceiling: Audience) -> None:
    assert of_copy(Audience.DIRECT, ceiling, consented=False) is None


@given(ceiling=audiences)
def test_consent_lifts_a_direct_message_to_the_group_and_no_further(ceiling: Audience) -> None:
    assert of_copy(Audience.DIRECT, ceiling, consented=True) == (Audience.GROUP if ceiling >= Audience.GROUP else None)


@given(source=audiences, ceiling=audiences)
def test_consent_changes_nothing_for_what_was_not_direct(source: Audience, ceiling: Audience) -> None:
    if source is not Audience.DIRECT:
        assert of_copy(source, ceiling, consented=True) == of_copy(source, ceiling, consented=False)


@pytest.mark.scenario("K01")
@given(copy=audiences, source=audiences, consented=st.booleans())
def test_a_copy_may_stand_exactly_as_long_as_its_post_is_for_all_who_see_it(
    copy: Audience, source: Audience, *, consented: bool
) -> None:
    lifted = max(source, Audience.GROUP) if consented else source
    assert too_wide(copy, source, consented=consented) is (copy < Audience.GROUP or copy > lifted)
