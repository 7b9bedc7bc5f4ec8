"""Data into an adapter: masks, samples, a training loop, QLoRA."""

from __future__ import annotations

from tracewarp.train.config import METHODS, PRESETS, TrainConfig, preset
from tracewarp.train.estimate import Estimate, estimate
from tracewarp.train.export import Merged, base_of, merge, serving_lines
from tracewarp.train.forms import Conversation, TrainingData, counts_of, read_conversations, read_training_data
from tracewarp.train.masks import ChatTurn, Encoded, samples_of
from tracewarp.train.plan import TrainingPlan, plan_training
from tracewarp.train.run import Trained, data_hash, fine_tune
from tracewarp.train.samples import Samples, encode_samples

__all__ = [
    "METHODS",
    "PRESETS",
    "ChatTurn",
    "Conversation",
    "Encoded",
    "Estimate",
    "Merged",
    "Samples",
    "TrainConfig",
    "Trained",
    "TrainingData",
    "TrainingPlan",
    "base_of",
    "counts_of",
    "data_hash",
    "encode_samples",
    "estimate",
    "fine_tune",
    "merge",
    "plan_training",
    "preset",
    "read_conversations",
    "read_training_data",
    "samples_of",
    "serving_lines",
]
