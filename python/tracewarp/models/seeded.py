"""Sampling with a seed a row, as a logits processor of transformers.

A draw from softmax(z / T), cut to its nucleus, is the argmax of z / T + Gumbel noise over the nucleus (the Gumbel-max
trick). So the processor adds the noise, and greedy decoding takes the sample; the noise of a row comes from its own
seed and position, whoever shares the batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import LogitsProcessor

from tracewarp.models.base import Sampling


class SeededSampling(LogitsProcessor):  # type: ignore[misc, unused-ignore]
    """Turns logits into sampled logits.

    Args:
        sampling: temperature, top_p and seed of each row; temperature 0 leaves it greedy, a missing seed is drawn.
        width: length of the padded prompts, so that the position counts new tokens only.
    """

    def __init__(self, sampling: Sequence[Sampling], width: int) -> None:
        self._rows = list(sampling)
        self._generators = [torch.Generator() for _ in sampling]
        for values, generator in zip(self._rows, self._generators, strict=True):
            if values.seed is None:
                generator.seed()
            else:
                generator.manual_seed(values.seed)
        self._width = width

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Add each row's noise to its scores.

        Args:
            input_ids: (batch, tokens so far).
            scores: (batch, vocabulary), logits.

        Returns:
            (batch, vocabulary), whose largest entry is the row's draw.
        """
        out = scores.clone()
        for row, (values, generator) in enumerate(zip(self._rows, self._generators, strict=True)):
            temperature = 1.0 if values.temperature is None else values.temperature
            if temperature <= 0:
                continue
            logits = scores[row].float() / temperature
            if values.top_p is not None and values.top_p < 1:
                logits = _nucleus(logits, values.top_p)
            uniform = torch.rand(logits.shape, generator=generator, dtype=torch.float64).clamp_min(1e-300)
            noise = -torch.log(-torch.log(uniform))
            out[row] = (logits + noise.to(logits.device, torch.float32)).to(out.dtype)
        return out


def _nucleus(logits: torch.Tensor, top_p: float) -> torch.Tensor:
    """Drop all but the fewest most probable tokens whose probabilities reach `top_p` (the first always stays)."""
    ordered, order = torch.sort(logits, descending=True)
    probabilities = torch.softmax(ordered, dim=-1)
    before = torch.cumsum(probabilities, dim=-1) - probabilities
    ordered = ordered.masked_fill(before >= top_p, -torch.inf)
    return torch.full_like(logits, -torch.inf).scatter(0, order, ordered)
