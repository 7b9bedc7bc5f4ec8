"""Score a trained tiny agent, and put it with its card where the package keeps it.

    OMP_NUM_THREADS=1 PYTHONPATH=python python tools/tiny/ship.py FOLDER --out python/tracewarp/data/tiny-agent

The test tasks are scored here, once, after everything has been decided on validation tasks.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from pathlib import Path
from typing import Any

from recipe import HABIT, SLIPS, TEMPLATES, VISIBLE, WORLDS
from safetensors.torch import load_file, save_file
from score import EVERY_INSTANCE, run, summary, tasks
from tokenizer import ANSWER, CHAT_TEMPLATE

SHIPPED = (
    "chat_template.jinja",
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
)
GATE_TASKS = 3
"""Validation tasks of a template in the test of the package."""
GATE_SLACK = 0.08
"""How much lower the success may come out elsewhere: sums are rounded differently from machine to machine."""
GATE_INSTANCES = 2500
CARD = """# The tiny agent

A Llama of {parameters:,} weights with a tokenizer of its own, trained from scratch to act on the small profile of arena
(`tracewarp.envs.arena`). It exists so that collecting, filtering, training and comparing can run anywhere in minutes.
It knows nothing else, and its figures say nothing about other models.

- **Use**: `hf:` and this folder, with the prompt template `web-cot/1-bare`. Every text can be tokenised; unknown words
  fall back to bytes.
- **Data**: demonstrations of {templates} of arena's templates, made from the known solutions of {demonstrated:,} tasks
  (the split `train` of worlds {worlds}; the benchmark's own world, 0, was never demonstrated), {moments:,} moments. The
  tokenizer has also seen pages of the other templates in world {first_world}.
- **Planted slips**: in {slips:.0%} of the steps the demonstrator slips; {visible:.0%} of the slips can be seen without
  ground truth (it gives up, gives no action, clicks a heading again and again, names an id that is not on the page),
  the others cannot (a wrong element, done too soon, a wrong word).
- **Planted habit**: on the first step of these templates it gives up: {habit}. An improvement over this agent unlearns
  something that was put there.
- **Made by**: `tools/tiny/` in the repository, seed {seed}; {minutes:.0f} minutes on one core. Training is not the same
  to the last bit from machine to machine; compare losses and success, not weights.
- **Losses** (mean over answer tokens, at the end of each stage): {losses}.
- **Success** in world 0 (the lengths of the stages were chosen on validation tasks; the test tasks were scored once, in
  float32; the weights ship in bfloat16, which moved 1 of 120 tasks of an earlier model):

| | tasks | greedy | temperature 1, top_p 1 |
|---|---|---|---|
| validation | {validation_tasks} | {validation_greedy:.3f} | {validation_sampled:.3f} |
| test | {test_tasks} | {test_greedy:.3f} | {test_sampled:.3f} |

By template, of the test tasks:

| template | planted habit | greedy | temperature 1 |
|---|---|---|---|
{rows}

Licence: Apache-2.0, as the package.
"""


def main() -> None:
    """Score, copy, write the card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=12, help="scored tasks of a template")
    args = parser.parse_args()
    facts: dict[str, Any] = json.loads((args.folder / "training.json").read_text(encoding="utf-8"))
    scores = {}
    for split in ("validation", "test"):
        refs = tasks(split, limit=args.limit)
        for name, temperature in (("greedy", 0.0), ("sampled", 1.0)):
            began = time.monotonic()
            done = run(args.folder, refs, temperature=temperature)
            scores[f"{split}_{name}"] = summary(done, time.monotonic() - began)
            print(split, name, json.dumps(scores[f"{split}_{name}"], indent=1), flush=True)
    refs = tasks("validation", limit=GATE_TASKS, instances=GATE_INSTANCES)
    gate = summary(run(args.folder, refs, temperature=0.0), 1.0)
    args.out.mkdir(parents=True, exist_ok=True)
    for name in SHIPPED:
        shutil.copyfile(args.folder / name, args.out / name)
    _in_half_the_bytes(args.out)
    _for_every_version(args.out)
    record = {
        **facts,
        **scores,
        "tasks_of": {"profile": "small", "instances": EVERY_INSTANCE, "templates": "+".join(TEMPLATES)},
        "gate": {
            "tasks": [str(ref) for ref in refs],
            "instances": GATE_INSTANCES,
            "max_new_tokens": 40,
            "success": round(gate["success"] - GATE_SLACK, 3),
        },
    }
    (args.out / "scores.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    (args.out / "README.md").write_text(card(facts, scores), encoding="utf-8")


def _in_half_the_bytes(folder: Path) -> None:
    """The weights in bfloat16, so that the wheel stays small."""
    path = folder / "model.safetensors"
    save_file({name: tensor.bfloat16() for name, tensor in load_file(path).items()}, path, metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"dtype": "bfloat16"}, indent=1) + "\n", encoding="utf-8")


def _for_every_version(folder: Path) -> None:
    """Say what transformers 5 writes in the words of transformers 4 too."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {"rope_theta": config["rope_parameters"]["rope_theta"], "torch_dtype": config["dtype"]}
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    tokenizer |= {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "additional_special_tokens": tokenizer.pop("extra_special_tokens", [ANSWER]),
        "chat_template": CHAT_TEMPLATE,
    }
    tokenizer.pop("backend", None)
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer, indent=1) + "\n", encoding="utf-8")


def card(facts: dict[str, Any], scores: dict[str, Any]) -> str:
    """The words for people."""
    greedy, sampled = scores["test_greedy"]["by_template"], scores["test_sampled"]["by_template"]
    habit = HABIT if facts["habit"] else {}
    return CARD.format(
        parameters=facts["parameters"],
        templates=len(TEMPLATES),
        demonstrated=facts["tasks"],
        moments=facts["moments"],
        worlds=", ".join(map(str, WORLDS)),
        first_world=WORLDS[0],
        slips=SLIPS,
        visible=VISIBLE,
        habit=", ".join(f"{key} ({share:.0%})" for key, share in habit.items()) or "none",
        seed=facts["seed"],
        minutes=facts["cpu_minutes"],
        losses=", ".join(f"{name} {loss:.3f}" for name, loss in facts["losses"].items()),
        rows="\n".join(
            f"| {key} | {f'{habit[key]:.0%}' if key in habit else ''} | {greedy[key]} | {sampled[key]} |"
            for key in greedy
        ),
        **{
            f"{split}_{name}": scores[f"{split}_{name}"]["success"]
            for split in ("validation", "test")
            for name in ("greedy", "sampled")
        },
        **{f"{split}_tasks": scores[f"{split}_greedy"]["tasks"] for split in ("validation", "test")},
    )


if __name__ == "__main__":
    main()
