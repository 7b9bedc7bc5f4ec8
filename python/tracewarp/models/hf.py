"""A causal language model of transformers, in this process."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal

from tracewarp.data import tiny_agent_path
from tracewarp.errors import InputError, MissingExtraError, ModelError, OptionError
from tracewarp.models.adapters import load_adapter
from tracewarp.models.base import CHECK_PROMPT, Completion, Prompt, Sampling
from tracewarp.models.chat import ChatFormat
from tracewarp.models.fingerprint import fingerprint
from tracewarp.models.identity import model_folder
from tracewarp.models.tokens import TokenizerCounter
from tracewarp.trajectory.surrogates import repair
from tracewarp.trajectory.thoughts import MARKERS, split_thoughts

TINY_AGENT: Final = "tiny-agent"
"""The name of the model that ships, wherever a model is named."""

_NEUTRAL: Final = {
    "do_sample": False,  # a logits processor draws: the largest logit is the sample
    "num_beams": 1,
    "repetition_penalty": 1.0,
    "no_repeat_ngram_size": 0,
    "use_cache": True,
}
"""What decoding does beyond temperature and top-p: nothing."""


class TransformersModel:
    """Generates in batches, with or without a LoRA adapter.

    A row of a batch draws from its own seed: its noise does not depend on who shares the batch with it. (Rounding may,
    in the last bits of a probability, since padding changes the shapes of the products.)

    Args:
        name: a folder, a model's name, or `tiny-agent`, the model that ships.
        adapter: folder of a LoRA adapter (peft).
        quantization: `nf4` loads the weights in 4 bits with double quantisation (bitsandbytes).
        dtype: `auto` is the checkpoint's own, `float32`, `bfloat16` or `float16`.
        device: `auto` takes a GPU where there is one; else `cpu`, `cuda`, `cuda:1`.
        batch_size: largest number of prompts in one pass.
        revision: of the model's repository.
        hash: how a response cache knows the files of the model: `quick` by names, shapes, sizes and times of
            modification, `full` by their content.

    Raises:
        MissingExtraError: torch or transformers are not installed.
        ModelError: there is no such model or adapter, or the adapter does not belong to the model.
    """

    def __init__(
        self,
        name: str,
        *,
        adapter: str | None = None,
        quantization: Literal["nf4"] | None = None,
        dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto",
        device: str = "auto",
        batch_size: int = 16,
        revision: str | None = None,
        hash: Literal["quick", "full"] = "quick",  # noqa: A002 (the name of the option)
    ) -> None:
        try:
            import torch
            import transformers
        except ImportError as error:
            raise MissingExtraError("a model in this process needs torch: pip install 'tracewarp[train]'") from error
        self._transformers: Any = transformers
        self._transformers.utils.logging.disable_progress_bar()  # stderr is the caller's
        if quantization not in {None, "nf4"}:
            raise OptionError(f"quantization: expected nf4 or None, got {quantization!r}")
        if dtype not in {"auto", "float32", "bfloat16", "float16"}:
            raise OptionError(f"dtype: expected auto, float32, bfloat16 or float16, got {dtype!r}")
        if hash not in {"quick", "full"}:
            raise OptionError(f"hash: expected quick or full, got {hash!r}")
        if not isinstance(batch_size, int) or batch_size < 1:
            raise OptionError(f"batch_size: expected an integer of at least 1, got {batch_size!r}")
        self.name = f"{name}+{adapter}" if adapter else name
        source = str(tiny_agent_path()) if name == TINY_AGENT and not Path(name).exists() else name
        self._loaded_from = source
        self._source = {
            "name": Path(name).name if Path(name).exists() else name,
            "adapter": adapter,
            "revision": revision,
        }
        self._settings = {"quantization": quantization, "dtype": dtype, "batch_size": batch_size, "hash": hash}
        self._batch_size = batch_size
        self._torch = torch
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        options: dict[str, Any] = {"revision": revision, "device_map": {"": device}}
        options["dtype"] = dtype if dtype == "auto" else getattr(torch, dtype)
        if quantization == "nf4":
            options["quantization_config"] = self._transformers.BitsAndBytesConfig(
                load_in_4bit=True,
                bnb_4bit_quant_type="nf4",
                bnb_4bit_use_double_quant=True,
                bnb_4bit_compute_dtype=torch.bfloat16,
            )
        if name.startswith(("/", "./", "../", "~")) and not Path(name).is_dir():
            raise ModelError(f"model: {name!r} could not be loaded: no such folder")
        try:
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(source, revision=revision)
            model: Any = transformers.AutoModelForCausalLM.from_pretrained(source, **options)
            if adapter is not None:
                model = load_adapter(model, adapter, base=source, tokenizer=self._tokenizer, revision=revision)
                if quantization is None and model.dtype == torch.float32 and hasattr(model, "merge_and_unload"):
                    # In full precision this changes last bits alone; answers come a quarter sooner.
                    model = model.merge_and_unload()
        except (MissingExtraError, ModelError):
            raise
        except Exception as error:  # files of any content give errors of any type
            raise ModelError(f"model: {name!r} could not be loaded: {_said(error)}") from error
        self._model: Any = model.eval()
        self._config = self._model.config.get_text_config()
        own = self._model.generation_config
        try:
            self.chat = ChatFormat(self._tokenizer, eos_token_ids=own.eos_token_id)
            ends = self.chat.end_ids
            self._opened = self.chat.opens_thinking
            written = self.chat.prompt_ids(CHECK_PROMPT)
        except InputError as error:
            raise ModelError(f"model: {name!r} cannot be asked: {error}") from error
        self._pad = next(
            (
                place
                for place in (self._tokenizer.pad_token_id, self._tokenizer.eos_token_id, *ends)
                if place is not None
            ),
            None,
        )
        if self._pad is None:
            raise ModelError(f"model: the tokenizer of {name!r} has neither a padding nor an end token; give it one")
        self._n_rows = self._model.get_input_embeddings().weight.shape[0]
        self._check_rows(written)
        self._decoding: dict[str, Any] = {**_NEUTRAL, "eos_token_id": list(ends), "pad_token_id": self._pad}
        self._replace_generation_config()
        self._tokens = TokenizerCounter(self._tokenizer, name=str(self._source["name"]))
        self._context: int | None = getattr(self._config, "max_position_embeddings", None)
        special = {place for place, token in self._tokenizer.added_tokens_decoder.items() if token.special}
        channels = "<|channel|>" in self.chat.controls.ids
        kept = {token for token in MARKERS if channels or not token.startswith("<|")}
        self._dropped = special - {self.chat.controls.ids[token] for token in kept & self.chat.controls.ids.keys()}

    def _replace_generation_config(self) -> None:
        """Give every layer of wrappers a configuration without values, since those of a model's file leak into runs."""
        part = self._model
        while part is not None:
            if hasattr(part, "generation_config"):
                part.generation_config = self._transformers.GenerationConfig()
            part = getattr(part, "base_model", None) if getattr(part, "base_model", part) is not part else None

    def generate(self, prompts: Sequence[Prompt], sampling: Sequence[Sampling]) -> list[Completion]:
        """Answer in batches of prompts of similar length that share limit and stop texts.

        Raises:
            ModelError: a prompt that does not fit into the context with its new tokens, or memory that ran out.
        """
        rows = [self.prompt_ids(prompt) for prompt in prompts]
        for row, values in zip(rows, sampling, strict=True):
            if values.temperature is None or values.top_p is None:
                raise OptionError(
                    "temperature, top_p: a model in this process needs numbers; only servers can do without"
                )
            self._check_rows(row)
            if self._context is not None and len(row) + values.max_new_tokens > self._context:
                raise ModelError(
                    f"{self.name}: a prompt of {len(row)} tokens and {values.max_new_tokens} new ones do not fit into "
                    f"its context of {self._context}; cut the observation shorter (--observation-tokens)"
                )
        answers: dict[int, Completion] = {}
        order = sorted(range(len(rows)), key=lambda i: (sampling[i].max_new_tokens, sampling[i].stop, len(rows[i])))
        batch: list[int] = []
        for index in order:
            if batch and (len(batch) == self._batch_size or not _alike(sampling[batch[0]], sampling[index])):
                answers |= self._batch(batch, rows, sampling)
                batch = []
            batch.append(index)
        if batch:
            answers |= self._batch(batch, rows, sampling)
        return [answers[index] for index in range(len(rows))]

    def prompt_ids(self, prompt: Prompt) -> list[int]:
        """A prompt in the chat template, ready to be answered (see `tracewarp.models.chat`).

        Raises:
            ModelError: the chat template refuses the prompt.
        """
        try:
            return self.chat.prompt_ids(prompt)
        except InputError as error:
            raise ModelError(f"{self.name}: {error}") from error

    def check(self, sampling: Sampling) -> None:
        """Generate one token.

        Raises:
            ModelError: the model cannot answer.
        """
        self.generate([CHECK_PROMPT], [replace(sampling, max_new_tokens=1, stop=())])

    def _check_rows(self, ids: Sequence[int]) -> None:
        top = max(ids, default=0)
        if top >= self._n_rows:
            token = self._tokenizer.convert_ids_to_tokens(top)
            raise ModelError(
                f"{self.name}: the token {token!r} has id {top}, but the model's embedding has {self._n_rows} rows; "
                "resize the embedding to the tokenizer and train it, or use the model's own tokenizer"
            )

    def _batch(
        self, indices: Sequence[int], rows: Sequence[list[int]], sampling: Sequence[Sampling]
    ) -> dict[int, Completion]:
        torch = self._torch
        from tracewarp.models.seeded import SeededSampling

        began = time.monotonic()
        width = max(len(rows[index]) for index in indices)
        ids = torch.full((len(indices), width), self._pad, dtype=torch.long)  # padded on the left
        mask = torch.zeros_like(ids)
        for place, index in enumerate(indices):
            ids[place, width - len(rows[index]) :] = torch.tensor(rows[index])
            mask[place, width - len(rows[index]) :] = 1
        values = sampling[indices[0]]
        options: dict[str, Any] = (
            {"stop_strings": list(values.stop), "tokenizer": self._tokenizer} if values.stop else {}
        )
        try:
            with torch.inference_mode():
                made = self._model.generate(
                    input_ids=ids.to(self._model.device),
                    attention_mask=mask.to(self._model.device),
                    generation_config=self._transformers.GenerationConfig(
                        max_new_tokens=values.max_new_tokens, **self._decoding
                    ),
                    logits_processor=[SeededSampling([sampling[index] for index in indices], width)],
                    **options,
                )
        except torch.OutOfMemoryError as error:
            message = f"{self.name}: out of memory with {len(indices)} prompts of {width} tokens; lower the batch size"
            raise ModelError(message) from error
        seconds = time.monotonic() - began
        return {
            index: self._completion(made[place, width:].tolist(), len(rows[index]), values, seconds / len(indices))
            for place, index in enumerate(indices)
        }

    def _completion(self, new: list[int], n_prompt: int, sampling: Sampling, seconds: float) -> Completion:
        ends = set(self._decoding["eos_token_id"])
        end = next((place for place, token in enumerate(new) if token in ends), None)
        kept = [token for token in new[:end] if token not in self._dropped]
        # Special tokens that mark thoughts must be in the text when thoughts are split off.
        text = repair(str(self._tokenizer.decode(kept, skip_special_tokens=False, clean_up_tokenization_spaces=False)))
        stopped = end is not None
        for stop in sampling.stop:
            if stop in text:
                text, stopped = text[: text.index(stop)], True
        split = split_thoughts(text, opened=self._opened)
        return Completion(
            text=split.answer,
            thinking=split.thinking,
            finish_reason="stop" if stopped else "length",
            prompt_tokens=n_prompt,
            completion_tokens=len(new) if end is None else end + 1,
            seconds=seconds,
        )

    def truncate(self, text: str, max_tokens: int) -> str:
        """By the model's own tokenizer."""
        return self._tokens.cut(text, max_tokens)

    def count_tokens(self, text: str) -> int:
        """By the model's own tokenizer."""
        return self._tokens.count(text)

    def describe(self) -> Mapping[str, Any]:
        """What was loaded, and how."""
        return {
            "kind": "transformers",
            **self._source,
            **self._settings,
            "tokenizer": self._tokens.name,
            "decoding": dict(self._decoding),
            "system_message": "folded into the next user message" if self.chat.folds_system else "as it is",
        }

    def identity(self) -> Mapping[str, Any]:
        """What was loaded, how, and what the files of model and adapter hold."""
        return {**self.describe(), "files": self._files}

    @cached_property
    def _files(self) -> dict[str, Any]:
        adapter = self._source["adapter"]
        folders = {
            "model": model_folder(self._loaded_from, revision=self._source["revision"]),
            "adapter": model_folder(adapter) if adapter else None,
        }
        full = self._settings["hash"] == "full"
        return {name: fingerprint(folder, full=full) for name, folder in folders.items() if folder}

    def close(self) -> None:
        """Let go of the weights; may be called twice."""
        self._model = None


def _alike(a: Sampling, b: Sampling) -> bool:
    return (a.max_new_tokens, a.stop) == (b.max_new_tokens, b.stop)


def _said(error: Exception) -> str:
    """The words of an error, on one line and not longer than a screen."""
    words = " ".join(str(error).split())[:500]
    return words if isinstance(error, OSError | ValueError) and words else f"{type(error).__name__}: {words}"
