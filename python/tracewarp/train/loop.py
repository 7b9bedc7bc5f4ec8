"""The training loop: epochs of updates, validation after each, early stopping, a state that survives any kill.

definition  Epoch e takes the samples in an order that depends on (seed, e) alone, `batch_size` at a time; each batch is
            one update of AdamW at the rate learning_rate (1 - updates made / updates of all epochs). After an epoch
            the validation perplexity is computed. Training ends after all epochs, or after `patience` epochs that
            were no better than the best before them, epoch 0 (the start) included; the best epoch's weights are kept.
source      Patel et al. 2024, table 4: linear to 0 without warm-up, early stopping after 5 epochs
differs     Epoch 0 counts as an epoch: a training that only harms gives back what it began with.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from tracewarp.errors import TrainingError
from tracewarp.train.config import TrainConfig
from tracewarp.train.masks import Encoded
from tracewarp.train.samples import batches, epoch_order
from tracewarp.train.state import Place, disk_errors, load_state, save_state, settle, trained, written_beside
from tracewarp.train.steps import Pass, perplexity, update_gradients, validation_loss

STATE: Final = "state"
BEST: Final = "best"
UPDATES: Final = "updates.jsonl"


@dataclass(frozen=True, slots=True)
class Epoch:
    """One row of the learning curve."""

    epoch: int
    """0 is the start, before any update."""
    train_loss: float | None
    """Mean over the epoch's updates; None at the start."""
    validation_loss: float
    perplexity: float
    learning_rate: float
    """After the epoch."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Curve:
    """How a training went."""

    epochs: tuple[Epoch, ...]
    best_epoch: int
    """The epoch of the least validation loss; 0: no epoch was better than the start."""
    kept_epoch: int
    """The epoch whose weights were kept."""
    stopped_early: bool
    updates: int


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a training is, for whoever shows it."""

    epoch: int
    step: int
    steps: int
    """Updates of the whole training, if nothing stops it early."""
    loss: float | None
    last: Epoch | None


def fit(
    model: Any,
    train: Sequence[Encoded],
    validation: Sequence[Encoded],
    config: TrainConfig,
    *,
    out: Path,
    pad: int,
    accelerator: Any,
    save_best: Callable[[Path], None],
    progress: Callable[[Moment], None] | None = None,
) -> Curve:
    """Train until the epochs are done or validation stops getting better.

    The same call goes on after a kill, from the last state that was saved, on the same curve: the order of examples and
    the draws of dropout depend on seed and place alone, and the state holds weights and optimiser.

    Args:
        model: on its device, with gradients where it learns.
        train: samples.
        validation: samples; never trained on.
        config: settings.
        out: folder: `state/`, `best/`, `updates.jsonl`.
        pad: id of padding.
        accelerator: of accelerate.
        save_best: writes the weights that are kept into a folder.
        progress: called after every update and every epoch.

    Returns:
        The curve. The kept weights lie in `out/best`.

    Raises:
        TrainingError: a loss that is no number (the best epoch so far stays in `best`), or memory that ran out.
        FileError: the disk is full; what was saved before stays.
    """
    out.mkdir(parents=True, exist_ok=True)
    return _Training(
        model, train, validation, config, out=out, pad=pad, accelerator=accelerator, save_best=save_best,
        progress=progress,
    ).run()  # fmt: skip


class _Training:
    """One training: what it works on, and where it stands."""

    def __init__(
        self,
        model: Any,
        train: Sequence[Encoded],
        validation: Sequence[Encoded],
        config: TrainConfig,
        *,
        out: Path,
        pad: int,
        accelerator: Any,
        save_best: Callable[[Path], None],
        progress: Callable[[Moment], None] | None,
    ) -> None:
        self.bare, self.train, self.validation, self.config = model, train, validation, config
        self.out, self.save_best, self.progress = out, save_best, progress
        self.accelerator = accelerator
        self.main = bool(accelerator.is_main_process)
        self.weights = [parameter for _, parameter in trained(model)]
        self.optimizer = torch.optim.AdamW(self.weights, lr=config.learning_rate, weight_decay=config.weight_decay)
        self.per_epoch = -(-len(train) // config.batch_size)
        self.most_epochs = config.epochs(len(train))
        self.steps = self.per_epoch * self.most_epochs
        self.epochs: list[Epoch] = []
        self.place = Place(0, 0)
        self.losses: list[float] = []
        """Of the updates of the epoch that is not finished."""
        self.seconds = 0.0
        """That this epoch took before a state was read back."""
        self.go_on()
        self.passes = Pass(
            accelerator.prepare(model),
            accelerator=accelerator,
            micro_batch_size=config.micro_batch_size,
            pad=pad,
            offload=config.offload_activations,
            # Trained weights are float32. Where they are all of the model, its products are in the chosen dtype.
            products=torch.bfloat16 if (config.method, config.dtype) == ("full", "bfloat16") else None,
        )

    def run(self) -> Curve:
        """All epochs that are left."""
        if not self.epochs:
            began = time.monotonic()
            loss = self.validate("validation loss before training")
            rate = self.config.learning_rate
            self.finish(Epoch(0, None, loss, perplexity(loss), rate, time.monotonic() - began))
        self.tell(None)
        while self.place.epoch < self.most_epochs and not _done(self.epochs, self.config):
            self.epoch()
        return Curve(
            epochs=tuple(self.epochs),
            best_epoch=_best(self.epochs),
            kept_epoch=_kept(self.epochs, self.config),
            stopped_early=self.place.epoch < self.most_epochs,
            updates=self.place.step,
        )

    def epoch(self) -> None:
        """The updates of an epoch that are left, then validation."""
        began = self.saved = time.monotonic()
        self.passes.model.train()
        order = epoch_order(len(self.train), epoch=self.place.epoch, seed=self.config.seed)
        for chosen in batches(order, self.config.batch_size)[len(self.losses) :]:
            loss = self.update([self.train[number] for number in chosen])
            self.tell(loss)
            if self.is_due():
                self.seconds, began = self.seconds + time.monotonic() - began, time.monotonic()
                self.save()
        self.place = Place(self.place.epoch + 1, self.place.step)
        loss = self.validate(f"validation loss of epoch {self.place.epoch}")
        mean, seconds = sum(self.losses) / len(self.losses), self.seconds + time.monotonic() - began
        self.losses, self.seconds = [], 0.0
        self.finish(Epoch(self.place.epoch, mean, loss, perplexity(loss), self.rate, seconds))
        self.tell(None)

    def update(self, samples: Sequence[Encoded]) -> float:
        """One step of the optimiser."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate
        self.optimizer.zero_grad(set_to_none=True)
        torch.manual_seed(_seed(self.config.seed, self.place.step, int(self.accelerator.process_index)))
        loss = update_gradients(self.passes, samples)
        self.finite(loss, f"loss of update {self.place.step}")
        norm = torch.nn.utils.clip_grad_norm_(self.weights, self.config.max_grad_norm or math.inf)
        self.finite(float(norm), f"gradient of update {self.place.step}")
        row = {"step": self.place.step + 1, "loss": loss, "learning_rate": self.rate}
        self.optimizer.step()
        self.place = Place(self.place.epoch, self.place.step + 1)
        self.losses.append(loss)
        if self.main:
            with disk_errors(self.out / UPDATES), (self.out / UPDATES).open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        return loss

    @property
    def rate(self) -> float:
        """The learning rate of the next update."""
        return self.config.learning_rate * (1 - self.place.step / self.steps)

    def validate(self, what: str) -> float:
        """The loss over the validation samples."""
        return self.finite(validation_loss(self.passes, self.validation), what)

    def finish(self, epoch: Epoch) -> None:
        """Write an epoch down: the best weights first, then the state that says so."""
        self.epochs.append(epoch)
        if self.main and _kept(self.epochs, self.config) == epoch.epoch:
            with written_beside(self.out / BEST) as beside:
                self.save_best(beside)
        self.save()
        self.accelerator.wait_for_everyone()

    def is_due(self) -> bool:
        """Is it time for a state within the epoch? Never after its last update, which validation follows."""
        minutes, left = self.config.save_minutes, self.per_epoch - len(self.losses)
        return minutes is not None and left > 0 and time.monotonic() - self.saved >= 60 * minutes

    def save(self) -> None:
        """Write the state."""
        if self.main:
            about = {
                "place": asdict(self.place),
                "epochs": [asdict(epoch) for epoch in self.epochs],
                "losses": self.losses,
                "seconds": self.seconds,
            }
            save_state(self.out / STATE, self.bare, self.optimizer, about)
        self.saved = time.monotonic()

    def go_on(self) -> None:
        """Read a state back, where there is one."""
        if self.main:
            for name in (STATE, BEST):
                settle(self.out / name)
        self.accelerator.wait_for_everyone()
        known = load_state(self.out / STATE, self.bare, self.optimizer)
        if known is not None:
            self.epochs = [Epoch(**row) for row in known["epochs"]]
            self.place = Place(**known["place"])
            self.losses, self.seconds = known["losses"], known["seconds"]
        if self.main:
            with disk_errors(self.out / UPDATES):
                _trim(self.out / UPDATES, self.place.step)
        self.accelerator.wait_for_everyone()

    def tell(self, loss: float | None) -> None:
        """Say where the training is."""
        if self.progress is not None and self.main:
            last = self.epochs[-1] if self.epochs else None
            self.progress(Moment(self.place.epoch, self.place.step, self.steps, loss, last))

    def finite(self, value: float, what: str) -> float:
        """The value, if it is a number.

        Raises:
            TrainingError: it is none.
        """
        if math.isfinite(value):
            return value
        best = self.out / BEST
        kept = f"the best epoch so far is kept in {best}" if best.exists() else "nothing was trained yet"
        raise TrainingError(
            f"{what}: expected a number, got {value}; lower the learning rate, or use another dtype; {kept}"
        )


def _best(epochs: Sequence[Epoch]) -> int:
    """The first epoch of the least validation loss."""
    return min(epochs, key=lambda epoch: (epoch.validation_loss, epoch.epoch)).epoch


def _kept(epochs: Sequence[Epoch], config: TrainConfig) -> int:
    return _best(epochs) if config.restore_best else epochs[-1].epoch


def _done(epochs: Sequence[Epoch], config: TrainConfig) -> bool:
    """Were the last `patience` epochs no better than the best before them?"""
    return config.patience is not None and epochs[-1].epoch - _best(epochs) >= config.patience


def _seed(seed: int, step: int, process: int) -> int:
    """Of an update's dropout: not drawn from the one before, so that there is no generator to save for each device."""
    return int(np.random.SeedSequence([seed, step, process]).generate_state(1, np.uint64)[0])


def _trim(path: Path, step: int) -> None:
    """Drop the updates that were made after the state was saved; they are made again."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line + "\n")
        except (ValueError, LookupError):
            break  # a torn last line
    beside = path.with_name(f"{path.name}.partial")
    beside.write_text("".join(kept), encoding="utf-8")
    beside.replace(path)
