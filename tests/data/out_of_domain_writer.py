"""A scripted writer of out-of-domain examples: every stage answered from its seed, now and then wrongly."""

from __future__ import annotations

import random
import re

from tracewarp.collect.prompts.rendering import OPENING
from tracewarp.models import Prompt, Sampling

NOUNS = """anchor basil cello dune ember fjord gable heron inlet jigsaw kelp lantern mosaic nectar orchid""".split()  # noqa: SIM905


def moment(action: str, previous: str = "None", *, opening: str = OPENING, page: str = "[1] link 'x'") -> str:
    return f"WEBPAGE:\n{page}\nPREVIOUS ACTION: {previous}\nNEXT ACTION: {opening} Because. So ```{action}```"


def write(prompt: Prompt, sampling: Sampling) -> str:
    """A writer that answers every stage from its seed, now and then wrongly."""
    dice = random.Random(sampling.seed)
    text = prompt[0].content
    if dice.random() < 0.2:
        return "I would rather not."
    if "of another kind" in text:
        return f"OBJECTIVE: {' '.join(dice.sample(NOUNS, 5))}\nURL: {dice.choice(NOUNS)}.net"
    if "in order, one a line" in text:
        return "\n".join(["Click on A", "Type B", "Click on C", "Stop with D"][: dice.randint(2, 4)])
    if "Write the address alone" in text:
        host = re.search(r"SITE: (\S+)", text)
        return f"https://{host[1] if host else ''}/catalogue/{dice.choice(NOUNS)}"
    if "third moment of exactly this form" in text:
        previous = "None" if "PREVIOUS ACTION is None" in text else "click [3] where [3] is link 'y'"
        return moment(f"click [{dice.randint(1, 9)}]", previous)
    return f"WEBPAGE:\n[{dice.randint(1, 9)}] link 'x'\n[4] link 'y'\n[5] link 'z'"
