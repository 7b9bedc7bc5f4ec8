"""The arithmetic of a merge: updates are added in float32, sums are rounded once.

definition  W' = round(W + U) for every weight W that an adapter updates by U, in the dtype that W is stored in
result      the share of the updates that is left after rounding: <W' - W, U> / <U, U> over all weights. 1: all of it;
            0: none. In bfloat16 an update below half a unit in the last place of its weight (2^-9 of it) is lost.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch


def add_updates(adapted: Any) -> tuple[Any, float]:
    """Merge a model of peft.

    Returns:
        The model without adapter, and the share of the updates that is left after rounding.
    """
    left = whole = 0.0
    for module in adapted.modules():
        if not (hasattr(module, "base_layer") and hasattr(module, "merge")):
            continue
        layer = module.get_base_layer()
        weights = [(weight, weight.data) for weight in layer.parameters() if weight.is_floating_point()]
        for weight, stored in weights:
            weight.data = stored.float()
        module.merge()
        for weight, stored in weights:
            update = weight.data - stored.float()
            weight.data = weight.data.to(stored.dtype)
            left += float(((weight.data.float() - stored.float()) * update).sum(dtype=torch.float64))
            whole += float((update * update).sum(dtype=torch.float64))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # every layer is merged already
        model = adapted.merge_and_unload()
    return model, left / whole if whole > 0 else 1.0
