"""The tiny agent that ships with the package: it is what its card says, and acts through the ordinary pipeline."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tracewarp.collect.prompts import read_answer
from tracewarp.data import tiny_agent_path

GATE = json.loads((tiny_agent_path() / "scores.json").read_text(encoding="utf-8"))["gate"]
"""Tasks, and the least greedy success on them: below what was measured, since rounding differs."""


def test_its_files_take_at_most_four_megabytes():
    files = [path for path in tiny_agent_path().iterdir() if path.is_file()]

    assert {"README.md", "config.json", "model.safetensors", "scores.json", "tokenizer.json"} <= {
        it.name for it in files
    }
    assert sum(path.stat().st_size for path in files) <= 4_000_000


@pytest.fixture(scope="module")
def tokenizer():
    pytest.importorskip("torch", reason="needs the extra train")
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_agent_path())


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "  two  blanks\t\n\n",
        "Tab 0 (current): Lamps\n\n[1] RootWebArea 'Lamps'\n\t[399] link 'big red lamp'\n\t[4000] link ''",
        "Fünf “Straßen” 日本 🙂 \x00 ' \" ``` ]",
        "<|answer|> and <|end|> in a page",
    ],
)
def test_every_text_comes_back_from_its_tokens(tokenizer, text):
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]

    assert tokenizer.decode(ids) == text


def test_pages_come_back_and_are_short(tokenizer):
    from tracewarp.envs.arena.environment import make_arena

    with make_arena(profile="small") as env:
        for ref in env.source.split("test")[::7]:
            page = env.reset(ref).text
            ids = tokenizer(page)["input_ids"]
            assert tokenizer.decode(ids) == page
            assert len(ids) < 300


def test_only_the_answer_and_its_end_carry_loss(tokenizer):
    from tracewarp.models.chat import ChatFormat
    from tracewarp.train.masks import ChatTurn, samples_of

    answer = "Let's think step-by-step. All is done. In summary, the next action I will perform is ```stop []```"
    turns = (ChatTurn("user", "OBJECTIVE: Open the page.\nPAGE:\n"), ChatTurn("assistant", answer, train=True))

    [(_, encoded)] = samples_of(ChatFormat(tokenizer), turns)

    learnt = [label for label in encoded.labels if label >= 0]
    assert tokenizer.decode(learnt) == answer + tokenizer.eos_token


def test_its_greedy_success_on_validation_tasks_is_at_least_the_gate():
    pytest.importorskip("torch", reason="needs the extra train")
    from tracewarp.collect.episode import run_episode
    from tracewarp.collect.model_policy import ModelPolicies
    from tracewarp.envs.arena.environment import make_arena

    def run(refs):
        with make_arena(profile="small", instances=GATE["instances"]) as env:
            policy = policies.policy()
            return [run_episode(env, policy, ref, env.source.task(ref)) for ref in refs]

    with make_arena(profile="small", instances=GATE["instances"]) as env:
        refs = [ref for ref in env.source.split("validation") if str(ref) in GATE["tasks"]]
    policies = ModelPolicies(
        f"hf:{tiny_agent_path()}", template="web-cot/1-bare", temperature=0.0, max_new_tokens=GATE["max_new_tokens"]
    )
    with ThreadPoolExecutor(16) as pool:
        done = [it for part in pool.map(run, [refs[worker::16] for worker in range(16)]) for it in part]
    policies.close()

    assert len(done) == len(GATE["tasks"])
    assert sum(it.outcome.score == 1.0 for it in done) / len(done) >= GATE["success"]
    assert any(read_answer(step.response or "").action for it in done for step in it.steps)


def test_its_card_says_what_was_planted():
    card = Path(tiny_agent_path() / "README.md").read_text(encoding="utf-8")

    for word in ("habit", "slips", "seed", "validation", "test", "greedy"):
        assert word in card
