"""What suits the tiny agent that ships: tasks, prompt and training with which it can be improved."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

from tracewarp.data import tiny_agent_path, tiny_agent_tasks

TINY: Final = "tiny-agent"
"""The name of the model that ships."""

TINY_TRAINING: Final = MappingProxyType(
    {
        "method": "lora",
        "dtype": "float32",
        "learning_rate": 5e-4,
        "max_epochs": 4,
        "min_updates": 60,
        "micro_batch_size": 16,
        "gradient_checkpointing": False,
    }
)
"""Settings of its training: it is too small for four bits, needs no economy with memory, and learns in a minute."""

_OPTIONS: Final = MappingProxyType(
    {
        "template": "web-cot/1-bare",
        "max_new_tokens": 40,
        "top_p": 1.0,
        "out_of_domain": "environment",
        "workers": 16,
        "device": "cpu",
    }
)


def tiny_options() -> dict[str, Any]:
    """Options of `ImproveOptions` with which it is at home: all but arms, rounds and how many tasks."""
    return {
        "model": str(tiny_agent_path()),
        "settings": tiny_agent_tasks(),
        "training": dict(TINY_TRAINING),
        **_OPTIONS,
    }
