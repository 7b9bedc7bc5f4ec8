"""A causal language model of transformers, in this process."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from tracewarp.errors import MissingExtraError, ModelError, OptionError
from tracewarp.models.adapters import load_adapter
from tracewarp.models.base import Completion, Prompt, Sampling
from tracewarp.models.tokens import TokenizerCounter


class TransformersModel:
    """Generates in batches, with or without a LoRA adapter.

    A row of a batch draws from its own seed: its noise does not depend on who shares the batch with it. (Rounding may,
    in the last bits of a probability, since padding changes the shapes of the products.)

    Args:
        name: a folder, or a model's name.
        adapter: folder of a LoRA adapter (peft).
        quantization: `nf4` loads the weights in 4 bits with double quantisation (bitsandbytes).
        dtype: `auto` is the checkpoint's own, `float32`, `bfloat16` or `float16`.
        device: `auto` takes a GPU where there is one; else `cpu`, `cuda`, `cuda:1`.
        batch_size: largest number of prompts in one pass.
        revision: of the model's repository.

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
    ) -> None:
        try:
            import torch
            import transformers
        except ImportError as error:
            raise MissingExtraError("a model in this process needs torch: pip install 'tracewarp[train]'") from error
        transformers.utils.logging.disable_progress_bar()  # stderr is the caller's
        if quantization not in {None, "nf4"}:
            raise OptionError(f"quantization: expected nf4 or None, got {quantization!r}")
        self.name = f"{name}+{adapter}" if adapter else name
        self._source = {
            "name": Path(name).name if Path(name).exists() else name,
            "adapter": adapter,
            "revision": revision,
        }
        self._settings = {"quantization": quantization, "dtype": dtype, "batch_size": batch_size}
        self._batch_size = batch_size
        self._torch = torch
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        options: dict[str, Any] = {"revision": revision, "device_map": {"": device}}
        options["dtype"] = dtype if dtype == "auto" else getattr(torch, dtype)
        if quantization == "nf4":
            options["quantization_config"] = transformers.BitsAndBytesConfig(
                load_in_4bit=True,
                bnb_4bit_quant_type="nf4",
                bnb_4bit_use_double_quant=True,
                bnb_4bit_compute_dtype=torch.bfloat16,
            )
        try:
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(name, revision=revision)
            model = transformers.AutoModelForCausalLM.from_pretrained(name, **options)
            if adapter is not None:
                model = load_adapter(model, adapter, base=name, tokenizer=self._tokenizer, revision=revision)
                if quantization is None and model.dtype == torch.float32:
                    # In full precision this changes last bits alone; answers come a quarter sooner.
                    model = model.merge_and_unload()
        except (OSError, ValueError, ImportError) as error:
            raise ModelError(f"model: {name!r} could not be loaded: {error}") from error
        self._model = model.eval()
        self._pad = self._tokenizer.pad_token_id
        if self._pad is None:
            self._pad = self._tokenizer.eos_token_id
        if self._pad is None:
            raise ModelError(f"model: the tokenizer of {name!r} has neither a padding nor an end token; give it one")
        self._tokens = TokenizerCounter(self._tokenizer, name=str(self._source["name"]))
        self._context: int | None = getattr(self._model.config, "max_position_embeddings", None)

    def generate(self, prompts: Sequence[Prompt], sampling: Sequence[Sampling]) -> list[Completion]:
        """Answer in batches of prompts of similar length that share limit and stop texts.

        Raises:
            ModelError: a prompt that does not fit into the context with its new tokens, or memory that ran out.
        """
        rows = [self.prompt_ids(prompt) for prompt in prompts]
        for row, values in zip(rows, sampling, strict=True):
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
        """A prompt in the chat template, ready to be answered; without a template, `role: text` line by line."""
        turns = [{"role": message.role, "content": message.content} for message in prompt]
        if self._tokenizer.chat_template:
            ids = self._tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=True)["input_ids"]
            return list(ids)
        plain = "".join(f"{turn['role']}: {turn['content']}\n" for turn in turns) + "assistant:"
        return list(self._tokenizer(plain)["input_ids"])

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
                    max_new_tokens=values.max_new_tokens,
                    do_sample=False,  # the processor has drawn already: the largest logit is the sample
                    temperature=None,
                    top_p=None,
                    top_k=None,
                    logits_processor=[SeededSampling([sampling[index] for index in indices], width)],
                    pad_token_id=self._pad,
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
        ends = self._model.generation_config.eos_token_id
        ends = set(ends) if isinstance(ends, list) else {ends}
        end = next((place for place, token in enumerate(new) if token in ends), None)
        kept = new if end is None else new[:end]
        text = self._tokenizer.decode(kept, skip_special_tokens=True)
        stopped = end is not None
        for stop in sampling.stop:
            if stop in text:
                text, stopped = text[: text.index(stop)], True
        return Completion(
            text=text,
            finish_reason="stop" if stopped else "length",
            prompt_tokens=n_prompt,
            completion_tokens=len(kept) + (end is not None),
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
        return {"kind": "transformers", **self._source, **self._settings, "tokenizer": self._tokens.name}

    def close(self) -> None:
        """Let go of the weights; may be called twice."""
        self._model = None


def _alike(a: Sampling, b: Sampling) -> bool:
    return (a.max_new_tokens, a.stop) == (b.max_new_tokens, b.stop)
