"""The options of a self-improvement: one frozen object, checked when it is made, recorded in the folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from tracewarp.collect.prompts import PROMPT_TEMPLATES
from tracewarp.errors import OptionError
from tracewarp.synthesize import PAPER_RULES, RULES
from tracewarp.train import TrainConfig, preset

SELECTIONS: Final = {
    "paper": "the paper's filter: plausible trajectories",
    "agreement": "plausible trajectories whose actions at least m samples of the task share",
    "random": "control: as many trajectories as the paper's filter keeps, drawn at random",
    "all": "control: every trajectory",
    "true": "control: true successes only (needs the truth, which no filter sees)",
}
"""Which trajectories are learnt from."""

LEAST: Final = {
    "rounds": 1,
    "samples": 1,
    "agreement": 2,
    "workers": 1,
    "batch_size": 1,
    "sampled_runs": 0,
    "train_limit": 1,
    "test_limit": 1,
    "max_new_tokens": 1,
    "observation_tokens": 1,
    "min_examples": 3,
    "seed": 0,
}
"""Option -> its least value."""
ONE_OF: Final = {
    "round_start": ("previous", "base"),
    "out_of_domain": ("model", "environment"),
    "quantization": ("auto", "nf4", "none"),
}
"""Option -> its values."""
_ARM: Final = re.compile(r"(?:([a-z]+)/)?([ABC])")


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to improve: a selection and a mixture."""

    selection: str
    mixture: str

    @classmethod
    def parse(cls, text: str) -> Arm:
        """Read `A`, or `agreement/A`.

        Raises:
            OptionError: text of another form.
        """
        found = _ARM.fullmatch(text)
        selection = (found[1] or "paper") if found else None
        if found is None or selection not in SELECTIONS:
            raise OptionError(
                f"arm: expected A, B or C, with one of {', '.join(SELECTIONS)} and a slash before it, got {text!r}"
            )
        return cls(selection, found[2])

    @property
    def name(self) -> str:
        """As files and tables call it: `A`, `agreement-A`."""
        return self.mixture if self.selection == "paper" else f"{self.selection}-{self.mixture}"


@dataclass(frozen=True)
class ImproveOptions:
    """Everything that decides what `improve` does."""

    model: str
    """Folder or name of a causal language model of transformers."""
    arms: tuple[Arm, ...] = (Arm("paper", "A"),)
    environment: str = "arena"
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the environment: `profile`, `driver`, ..."""
    rounds: int = 1
    """>= 1."""
    later_arms: tuple[str, ...] | None = None
    """Names of the arms that go on after round 1; None: all."""
    round_start: str = "previous"
    """A later round trains on from the `previous` adapter, or afresh from the `base`."""
    train_split: str = "train"
    test_split: str = "test"
    """Without a task of the training split, whatever the two are called: `improve` and `make_plan` compare them."""
    train_limit: int | None = None
    """Only the first so many tasks, >= 1."""
    test_limit: int | None = None
    """The same of the test tasks."""
    samples: int = 1
    """Episodes of each training task, >= 1; agreement needs at least m."""
    agreement: int = 2
    """m: samples that must agree, >= 2."""
    sampled_runs: int = 3
    """Runs of the test tasks at temperature 1, >= 0, beside the greedy one."""
    temperature: float = 1.0
    """Of the collection, > 0."""
    control_temperature: float | None = 0.5
    """The base is also run at this temperature: a gain at temperature 1 may be sharpening alone. None: it is not."""
    top_p: float = 0.9
    max_new_tokens: int = 384
    observation_tokens: int = 1_920
    template: str = "web-cot/1"
    out_of_domain: str = "model"
    """Who writes out-of-domain examples: the `model`; or `environment`, whose other tasks give pages and objectives, to
    which the model gives the answers (for models that cannot write pages)."""
    diversity_encoder: str = "hashed"
    """Encoder for the similarity between out-of-domain objectives (accepted below 0.70). The paper's is
    `paper-capabilities` (all-distilroberta-v1), to which that threshold belongs."""
    training_preset: str = "default"
    training: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the training that differ from the preset."""
    rules: tuple[str, ...] = PAPER_RULES
    """Of the filter (and so of the size of the random control): names of `tracewarp.synthesize.RULES`."""
    all_steps: bool = False
    """Every step of a kept trajectory is an example; otherwise as many first as intermediate as last ones."""
    off_by_one: bool = False
    """In later rounds, where a task has no kept trajectory, fall back to that of the round before *even if that was
    rejected*, as the authors' released code does."""
    min_examples: int = 30
    """Fewer balanced in-domain examples than this, >= 3, are not trained on."""
    workers: int = 8
    """Episodes at a time, >= 1."""
    batch_size: int = 16
    """Prompts in one pass of the model, >= 1; more than there are workers never meet."""
    quantization: str = "auto"
    """Of the model that acts: `nf4`, `none`, or `auto`, as it is trained (nf4 with the method qlora)."""
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        for name, least in LEAST.items():
            value = getattr(self, name)
            if name in ("train_limit", "test_limit") and value is None:
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise OptionError(f"{name}: expected an integer >= {least}, got {value!r}")
        self._check_temperatures()
        if not self.arms:
            raise OptionError("arms: expected at least one, got none")
        names = [arm.name for arm in self.arms]
        if len(set(names)) < len(names):
            raise OptionError(f"arms: expected each once, got {', '.join(names)}")
        for later in self.later_arms or ():
            if later not in names:
                raise OptionError(f"later_arms: expected some of {', '.join(names)}, got {later!r}")
        if any(arm.selection == "agreement" for arm in self.arms) and self.samples < self.agreement:
            raise OptionError(f"samples: expected at least {self.agreement} for agreement, got {self.samples}")
        for name, known in ONE_OF.items():
            if getattr(self, name) not in known:
                raise OptionError(f"{name}: expected {' or '.join(known)}, got {getattr(self, name)!r}")
        for rule in self.rules:
            if rule not in RULES:
                raise OptionError(f"rules: expected names of {', '.join(RULES)}, got {rule!r}")
        if self.template not in PROMPT_TEMPLATES:
            raise OptionError(f"template: expected one of {', '.join(PROMPT_TEMPLATES)}, got {self.template!r}")
        if any(sign in self.model for sign in ",+"):
            raise OptionError(
                f"model: expected a name or path without , and + (they separate settings), got {self.model!r}"
            )
        _ = self.config  # which refuses what it does not know

    def _check_temperatures(self) -> None:
        for name in ("temperature", "control_temperature"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise OptionError(f"{name}: expected a number > 0, got {value!r}")
        if not 0 < self.top_p <= 1:
            raise OptionError(f"top_p: expected a number in (0, 1], got {self.top_p!r}")

    @property
    def config(self) -> TrainConfig:
        """Of every training."""
        return preset(self.training_preset, self.training)

    @property
    def acts_in_4_bits(self) -> bool:
        """Are the weights of the model that acts NF4?"""
        return self.quantization == "nf4" or (self.quantization == "auto" and self.config.method == "qlora")

    @property
    def model_writes_pages(self) -> bool:
        """Are there out-of-domain examples that the model writes?"""
        return self.out_of_domain == "model" and any(arm.mixture != "A" for arm in self.arms)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    def goes_on(self, arm: Arm, round_number: int) -> bool:
        """Does this arm take part in a round (counted from 1)?"""
        return round_number == 1 or self.later_arms is None or arm.name in self.later_arms
