"""One update and one evaluation: the arithmetic of the loss.

definition  loss = sum over the batch of -log p(token | before) over tokens that carry loss, divided by their number in
            the whole batch, whichever micro-batches and processes it is cut into. perplexity = exp(the same over the
            whole validation set).
range       loss >= 0; perplexity in [1, inf)
source      Dettmers et al. 2023 (QLoRA), section 5: loss on the answer only; perplexity: the field's
differs     Many trainers average the means of micro-batches, which weighs tokens of short answers more. Scores over the
            vocabulary are computed only where a token carries loss; the sum is the same, the memory is not.
"""

from __future__ import annotations

import contextlib
import inspect
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch.nn import functional

from tracewarp.errors import TrainingError
from tracewarp.train.masks import IGNORED, Encoded
from tracewarp.train.samples import batches

OFFLOADED_BYTES: Final = 1 << 20
"""Smaller tensors stay where they are."""


@dataclass(frozen=True, slots=True)
class Pass:
    """How samples go through a model."""

    model: Any
    """As `accelerator.prepare` gave it."""
    accelerator: Any
    """Of accelerate."""
    micro_batch_size: int
    """Samples a forward pass."""
    pad: int
    """Id of padding."""
    offload: bool = False
    """Does what the way back needs wait in the computer's memory?"""
    products: torch.dtype | None = None
    """Dtype of matrix products where weights are kept in float32 (mixed precision); None: the weights' own."""

    def precision(self) -> contextlib.AbstractContextManager[Any]:
        """Context of a forward pass."""
        if self.products is None:
            return contextlib.nullcontext()
        context: contextlib.AbstractContextManager[Any] = torch.autocast(
            torch.device(self.accelerator.device).type, dtype=self.products
        )
        return context

    @property
    def hint(self) -> str:
        """What to lower where memory runs out."""
        smaller = "lower micro_batch_size, then max_tokens" if self.micro_batch_size > 1 else "lower max_tokens"
        return (
            f"with {self.micro_batch_size} examples a pass; {smaller}, or turn gradient_checkpointing and "
            "offload_activations on"
        )


def collate(samples: Sequence[Encoded], *, pad: int, device: Any) -> dict[str, torch.Tensor]:
    """Samples into tensors.

    Returns:
        `input_ids`, `attention_mask`, `labels`: (batch, longest), padded on the right; padding carries no loss.
        `positions`: (n,), ascending, those after which a token carries loss in any of the samples.
    """
    longest = max(len(sample) for sample in samples)
    ids = torch.full((len(samples), longest), pad, dtype=torch.long)
    labels = torch.full((len(samples), longest), IGNORED, dtype=torch.long)
    mask = torch.zeros((len(samples), longest), dtype=torch.long)
    for row, sample in enumerate(samples):
        ids[row, : len(sample)] = torch.tensor(sample.input_ids)
        labels[row, : len(sample)] = torch.tensor(sample.labels)
        mask[row, : len(sample)] = 1
    positions = (labels[:, 1:] != IGNORED).any(dim=0).nonzero().flatten()
    tensors = {"input_ids": ids, "attention_mask": mask, "labels": labels, "positions": positions}
    return {name: tensor.to(device) for name, tensor in tensors.items()}


def loss_sum(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """The sum of the losses of a batch's tokens, in float32."""
    positions = batch["positions"]
    chosen = takes_positions(model)
    options = {"logits_to_keep": positions} if chosen else {}
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], **options).logits
    if not chosen:
        logits = logits[:, positions]
    labels = batch["labels"][:, positions + 1]  # (batch, n), as the logits but for the vocabulary
    carries = labels != IGNORED
    return functional.cross_entropy(logits[carries].float(), labels[carries], reduction="sum")


def takes_positions(model: Any) -> bool:
    """Can this model be asked for scores at chosen positions only? Those of transformers since 4.49 can, mostly."""
    bare = getattr(model, "module", model)  # what several processes share is wrapped
    bare = bare.get_base_model() if hasattr(bare, "get_base_model") else bare
    return "logits_to_keep" in inspect.signature(bare.forward).parameters


def n_trained(samples: Sequence[Encoded]) -> int:
    """Tokens that carry loss. A first token is never predicted."""
    return sum(sum(label != IGNORED for label in sample.labels[1:]) for sample in samples)


def update_gradients(passes: Pass, samples: Sequence[Encoded]) -> float:
    """Add the gradients of a batch, of which each process computes its share.

    Args:
        passes: how samples go through which model.
        samples: the whole batch, the same in every process.

    Returns:
        The batch's loss.

    Raises:
        TrainingError: memory ran out.
    """
    accelerator, size = passes.accelerator, passes.micro_batch_size
    total = n_trained(samples)
    world = accelerator.num_processes
    mine = samples[accelerator.process_index :: world]
    pieces = batches(range(len(mine)), size)
    # Every process makes as many passes, or those that wait for its gradients wait for ever.
    share = -(-len(samples) // world)
    pieces += [()] * (-(-share // size) - len(pieces))
    summed = torch.zeros((), device=accelerator.device)
    for number, piece in enumerate(pieces):
        last = number == len(pieces) - 1
        # Gradients travel between processes once a batch.
        with contextlib.nullcontext() if last else accelerator.no_sync(passes.model), memory_errors(passes.hint):
            batch = collate([mine[place] for place in piece] or samples[:1], pad=passes.pad, device=accelerator.device)
            offload = offloaded(passes.model) if passes.offload else contextlib.nullcontext()
            with offload, passes.precision():
                loss = loss_sum(passes.model, batch) * bool(piece)
            # Processes' gradients are averaged, so their number cancels.
            accelerator.backward(loss * (world / total))
        summed += loss.detach()
    return float(accelerator.reduce(summed, reduction="sum")) / total


def validation_loss(passes: Pass, samples: Sequence[Encoded]) -> float:
    """The loss over all validation samples, per token that carries it, without gradients."""
    model, accelerator = passes.model, passes.accelerator
    was_training = model.training
    model.eval()
    mine = samples[accelerator.process_index :: accelerator.num_processes]
    summed = torch.zeros((), dtype=torch.float64, device=accelerator.device)
    with torch.no_grad(), memory_errors(passes.hint):
        for piece in batches(range(len(mine)), passes.micro_batch_size):
            batch = collate([mine[place] for place in piece], pad=passes.pad, device=accelerator.device)
            with passes.precision():
                loss = loss_sum(model, batch)
            summed += loss.double()
    model.train(was_training)
    return float(accelerator.reduce(summed, reduction="sum")) / n_trained(samples)


def perplexity(loss: float) -> float:
    """exp(loss), infinite where that is."""
    return math.exp(loss) if loss < 700 else math.inf


@contextlib.contextmanager
def offloaded(model: Any) -> Iterator[None]:
    """Let what a forward pass keeps for the way back wait in the computer's memory; weights stay where they are.

    With checkpointing that is one hidden state a layer and token. `torch.autograd.graph.save_on_cpu` would move the
    weights of the head as well, gigabytes in every pass.
    """
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}

    def pack(tensor: torch.Tensor) -> tuple[Any, torch.Tensor]:
        small = tensor.numel() * tensor.element_size() < OFFLOADED_BYTES
        if small or tensor.untyped_storage().data_ptr() in weights:
            return None, tensor
        pinned = tensor.device.type == "cuda"
        kept = torch.empty(tensor.size(), dtype=tensor.dtype, layout=tensor.layout, pin_memory=pinned)
        kept.copy_(tensor)
        return tensor.device, kept

    def unpack(packed: tuple[Any, torch.Tensor]) -> torch.Tensor:
        device, kept = packed
        return kept if device is None else kept.to(device, non_blocking=kept.is_pinned())

    with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
        yield


@contextlib.contextmanager
def memory_errors(hint: str) -> Iterator[None]:
    """Memory that runs out becomes a sentence, which ends with the hint."""
    try:
        yield
    except RuntimeError as error:
        # A GPU's error has a class of its own, the computer's has only words.
        if not (isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)):
            raise
        raise TrainingError(f"out of memory {hint}") from error
