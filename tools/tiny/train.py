"""Make the tiny agent: tokenizer, look-ups, demonstrations, slips, habit. See README.md beside this file.

OMP_NUM_THREADS=1 PYTHONPATH=python python tools/tiny/train.py DEMONSTRATIONS SEEN --out FOLDER --seed 0
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from architecture import build, deepen, logits_at
from batches import IGNORED, Demonstrations, Mixture, alike
from recipe import HABIT, VISIBLE, Size
from tokenizer import save, vocabulary
from torch.nn import functional
from wording import prompt_text, read_rows

BATCH = 16
LOOK_UP_STEPS, LOOK_UP_LOSS = 600, 0.03
RATE = 3e-3


def step(model: Any, batch: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """The mean loss of a batch's learnt tokens."""
    ids, places, nexts = batch
    with torch.autocast("cpu", torch.bfloat16):
        logits = logits_at(model, ids, places)
    return functional.cross_entropy(logits.float().flatten(0, 1), nexts.flatten(), ignore_index=IGNORED)


def stage(
    name: str, model: Any, data: Demonstrations, mixture: Mixture, *, steps: int, rate: float, until: float = 0.0,
    warm: int = 50, cool: bool = True, leave_after: int | None = None,
) -> float:  # fmt: skip
    """Train for some steps, or until the running loss is low enough; the running loss at the end.

    With `leave_after` the stage ends there, and leaves what it would have had as a checkpoint at that step.
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.0)
    began, running, seen = time.process_time(), None, 0
    for number in range(steps if leave_after is None else min(steps, leave_after)):
        left = 1 - number / steps if cool else 1.0
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, (number + 1) / warm) * max(left, 0.05)
        batch = data.batch(BATCH, mixture)
        loss = step(model, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        seen += batch[0].numel()
        running = loss.item() if running is None else 0.97 * running + 0.03 * loss.item()
        if number % 50 == 49:
            seconds = time.process_time() - began
            print(
                f"{name} {number + 1}: loss {running:.3f}, {seconds:.0f} s, {seen / seconds:.0f} tokens/s",
                file=sys.stderr,
                flush=True,
            )
        if running < until and number > warm:
            break
    return float(running or 0.0)


def make_tokenizer(start: Path | None, rows: list[dict[str, Any]], seen: Path, out: Path) -> Any:
    """The tokenizer of an earlier training, or a new one."""
    if start is not None:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(start)
        tokenizer.save_pretrained(out)
        return tokenizer
    texts = [prompt_text(row) for row in rows + read_rows(seen)]
    return save(vocabulary(texts, [row["right"]["text"] for row in rows if row["right"]["text"]]), out)


def part_of(rows: list[dict[str, Any]], *, share: float, seed: int) -> list[dict[str, Any]]:
    """The moments of a share of the demonstrated tasks, drawn by SHA-256 of seed and task; at least one task."""
    tasks = sorted({row["task"] for row in rows}, key=lambda task: hashlib.sha256(f"{seed}|{task}".encode()).digest())
    kept = set(tasks[: max(1, round(share * len(tasks)))])
    return [row for row in rows if row["task"] in kept]


def main() -> None:
    """Train and save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("demonstrations", type=Path)
    parser.add_argument("seen", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-habit", action="store_true", help="the demonstrator has slips, and no habit")
    parser.add_argument("--visible", type=float, default=VISIBLE, help="share of the slips that a filter can see")
    parser.add_argument("--share", type=float, default=1.0, help="share of the demonstrated tasks that is used")
    parser.add_argument(
        "--leave-clean-after", type=int, help="stop after this many clean steps and keep that checkpoint"
    )
    parser.add_argument("--start", type=Path, help="a folder after an earlier stage")
    parser.add_argument("--clean-steps", type=int, default=3000)
    parser.add_argument("--slip-steps", type=int, default=300)
    parser.add_argument("--habit-steps", type=int, default=250)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    random.seed(args.seed)
    every = read_rows(args.demonstrations)
    rows = part_of(every, share=args.share, seed=args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer(args.start, rows, args.seen, args.out)
    print(f"{len(rows)} moments, {len(tokenizer)} tokens", file=sys.stderr, flush=True)
    data = Demonstrations(rows, tokenizer, seed=args.seed)
    size = Size()
    began = time.process_time()
    losses = {}

    def keep(name: str) -> None:
        model.save_pretrained(args.out / name)
        tokenizer.save_pretrained(args.out / name)

    if args.start:
        from transformers import AutoModelForCausalLM

        model = AutoModelForCausalLM.from_pretrained(args.start, dtype=torch.float32)
        if model.config.num_hidden_layers == 2:
            model = deepen(model, size)
    else:
        model = build(
            size, vocabulary=len(tokenizer), end=tokenizer.eos_token_id, pad=tokenizer.pad_token_id, layers=2,
            alike=alike(tokenizer),
        )  # fmt: skip
        losses["look-ups"] = stage(
            "look-ups",
            model,
            data,
            Mixture(look_ups=1.0),
            steps=LOOK_UP_STEPS,
            rate=RATE,
            until=LOOK_UP_LOSS,
            cool=False,
        )
        keep("look-ups")
        model = deepen(model, size)
    losses["clean"] = stage(
        "clean", model, data, Mixture(slips=0.0), steps=args.clean_steps, rate=RATE, leave_after=args.leave_clean_after,
    )  # fmt: skip
    keep("clean")
    slips = Mixture(visible=args.visible)
    losses["slips"] = stage("slips", model, data, slips, steps=args.slip_steps, rate=RATE / 3)
    keep("slips")
    habit = None if args.no_habit else HABIT
    losses["habit"] = stage("habit", model, data, replace(slips, habit=habit), steps=args.habit_steps, rate=RATE / 3)
    model.save_pretrained(args.out)
    facts = {
        "seed": args.seed, "habit": not args.no_habit, "visible": args.visible, "losses": losses,
        "share": args.share, "clean_steps": args.clean_steps, "left_clean_after": args.leave_clean_after,
        "slip_steps": args.slip_steps, "habit_steps": args.habit_steps,
        "cpu_minutes": (time.process_time() - began) / 60,
        "parameters": sum(part.numel() for part in model.parameters()), "moments": len(rows),
        "tasks": len({row["task"] for row in rows}),
    }  # fmt: skip
    (args.out / "training.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
