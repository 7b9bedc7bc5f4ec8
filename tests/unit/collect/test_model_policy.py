"""The policy that asks a model: settings are checked, thoughts are kept apart, what is left out is recorded."""

from __future__ import annotations

from typing import Any

import pytest

from tracewarp.collect.model_policy import ModelPolicies, ModelPolicy
from tracewarp.collect.policies import PolicySpec
from tracewarp.collect.policy import Start, View
from tracewarp.envs.arena.environment import make_arena
from tracewarp.errors import OptionError
from tracewarp.models import Sampling, ScriptedModel


def decided(answer: str, **options: Any) -> Any:
    policy = ModelPolicy(ScriptedModel([answer]), **options)
    with make_arena(profile="small") as env:
        ref = env.source.split("test")[0]
        seen = env.reset(ref)
        policy.start(Start(env.source.task(ref), 0, 7, env.spec, env))
        return policy.act(View(seen, 0, None, None))


def test_thought_and_answer_are_apart_in_the_record() -> None:
    decision = decided("<think>```click [3]```</think>\nDone. ```stop []```")
    assert decision.action == "stop []"
    assert decision.thinking == "```click [3]```"
    assert decision.response == "Done. ```stop []```"
    assert all(set(message) == {"role", "content"} for message in decision.prompt)


def test_values_that_are_not_sent_are_recorded_as_left_out() -> None:
    decision = decided("```stop []```", sampling=Sampling(top_p=None), seeded=False)
    assert decision.sampling["left_out"] == ["top_p", "seed"]
    policies = ModelPolicies("openai:m", top_p=None, seed=None, temperature=None)
    assert policies.policy().describe()["sampling"]["left_out"] == ["temperature", "top_p", "seed"]
    assert "left_out" not in ModelPolicies("openai:m").policy().describe()["sampling"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("name=openai:m,temprature=0", "unknown setting 'temprature'; did you mean 'temperature'"),
        ("name=openai:m,topp=0.5", "did you mean 'top_p'"),
        ("name=openai:m,max_tokens=5", "unknown setting 'max_tokens'; did you mean 'max_new_tokens'"),
        ("name=openai:m,dtype=float32", "unknown setting 'dtype'"),
        ("name=hf:m,timeout_seconds=5", "unknown setting 'timeout_seconds'"),
        ("name=openai:m,temperature=-1", "temperature: expected a number of at least 0, or none, got -1"),
        ("name=openai:m,temperature=hot", "temperature: expected a number"),
        ("name=openai:m,temperature=nan", "temperature: expected a number"),
        ("name=openai:m,top_p=0", r"top_p: expected a number in \(0, 1\], or none, got 0"),
        ("name=openai:m,top_p=true", "top_p: expected a number"),
        ("name=openai:m,seed=3", "seed: expected episode or none, got 3"),
        ("name=openai:m,max_new_tokens=0", "max_new_tokens: expected an integer of at least 1, got 0"),
        ("name=openai:m,max_new_tokens=none", "max_new_tokens: expected an integer"),
        ("name=openai:m,observation_tokens=0.5", "observation_tokens: expected an integer"),
        ("name=openai:m,template=mine", "template: expected one of web-cot/1"),
        ("name=hf:m,top_p=none", "a model in this process needs numbers"),
        ("name=gpt", "model: expected openai:NAME, hf:NAME_OR_FOLDER"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(settings: str, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        PolicySpec.parse(f"model:{settings}").load()
