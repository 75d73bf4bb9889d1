"""Sampling settings that mean nothing are told, wherever in a plug-in they stand."""

from __future__ import annotations

import pytest
from fakes.programs import AfterAnswer

from curate.settings import check_settings, roles_asked
from generators.llava_cot import LlavaCot
from generators.screened import Screened
from generators.think_then_answer import ThinkThenAnswer
from schemas.canonical import JSON, spec
from schemas.errors import ConfigError
from schemas.request import Sampling


@pytest.mark.parametrize(
    ("sampling", "said"),
    [
        (Sampling(temperature=-0.1), "temperature of -0.1"),
        (Sampling(top_p=0.0), "top_p of 0"),
        (Sampling(top_p=1.1), "top_p of 1.1"),
        (Sampling(max_tokens=0), "max_tokens of 0"),
        (Sampling(min_p=2), "min_p of 2"),
        (Sampling(repetition_penalty=0), "repetition_penalty of 0"),
    ],
)
def test_settings_out_of_range_are_told(sampling: Sampling, said: str) -> None:
    """Also where the plug-in that holds them stands inside another one."""
    inner = ThinkThenAnswer(AfterAnswer(), sampling=sampling)
    with pytest.raises(ConfigError, match=said):
        check_settings(spec({"generator": Screened(AfterAnswer(), inner)}))


@pytest.mark.parametrize("params", [{"tries": 0}, {"longest": -1}])
def test_nothing_to_draw_is_told(params: dict[str, JSON]) -> None:
    """Parameters of the plug-in itself."""
    with pytest.raises(ConfigError, match="means nothing"):
        check_settings({"generator": {"name": "any", "type": "Any", "version": 1, "params": params}})


def test_settings_that_servers_take_pass() -> None:
    """Their bounds among them, and what is left to the server."""
    for sampling in (Sampling(), Sampling(temperature=0, top_p=1, max_tokens=1, min_p=0, top_k=-1, seed=-5)):
        check_settings(spec(ThinkThenAnswer(AfterAnswer(), sampling=sampling)))


def test_the_roles_that_plug_ins_ask_are_known() -> None:
    """Those of plug-ins inside others too; not those whose switch is off."""
    writer = ThinkThenAnswer(AfterAnswer(), role="thinker")
    assert roles_asked(spec([Screened(AfterAnswer(), writer)])) == {"thinker", "reviser"}
    assert roles_asked(spec(ThinkThenAnswer(AfterAnswer(), revise=False))) == {"teacher"}
    assert roles_asked(spec(LlavaCot(AfterAnswer()))) == {"teacher", "judge"}
    assert roles_asked(spec(LlavaCot(AfterAnswer(), judge_reasoning=False))) == {"teacher"}
