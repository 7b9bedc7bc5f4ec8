"""A policy that asks a model: prompt, completion, action."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from tracewarp.collect.policy import Decision, Start, View
from tracewarp.collect.prompts import Situation, read_answer, render_prompt
from tracewarp.models import BatchingModel, Model, Prompt, Sampling, open_model

DEFAULT_OBSERVATION_TOKENS = 1_920
"""Of the agent's own tokenizer; the authors' released runs cut there."""


class ModelPolicy:
    """Shows a model the objective, the page and the previous action, and takes its answer for the next action.

    Args:
        model: answers prompts; may be shared with other policies if it is safe for threads.
        template: a name of `tracewarp.collect.prompts.PROMPT_TEMPLATES`.
        sampling: of every request; its seed is replaced by one of the episode's seed, the step and the attempt.
        observation_tokens: the page is cut to its first tokens.
    """

    def __init__(
        self,
        model: Model,
        *,
        template: str = "web-cot/1",
        sampling: Sampling | None = None,
        observation_tokens: int = DEFAULT_OBSERVATION_TOKENS,
    ) -> None:
        self.name = model.name
        self._model = model
        self._template = template
        self._sampling = sampling or Sampling()
        self._observation_tokens = observation_tokens
        self._start: Start | None = None

    def start(self, start: Start) -> None:
        """Remember the episode's task and seed."""
        self._start = start

    def prompt(self, view: View) -> Prompt:
        """The chat that is sent for a view of the current episode."""
        assert self._start is not None, "start() comes first"
        seen = view.observation
        situation = Situation(
            objective=seen.instruction,
            page=self._model.truncate(seen.text, self._observation_tokens),
            address=seen.url or "",
            previous_action=view.previous_action,
            previous_error=view.previous_error,
        )
        return render_prompt(situation, grammar=self._start.spec.grammar, template=self._template)

    def act(self, view: View) -> Decision:
        """Ask once; a view's later attempt has another seed.

        Raises:
            ModelError: the model gives no answer.
        """
        prompt = self.prompt(view)
        sampling = replace(self._sampling, seed=self._seed(view))
        completion = self._model.generate([prompt], [sampling])[0]
        answer = read_answer(completion.text)
        return Decision(
            action=answer.action,
            response=completion.text,
            thinking=completion.thinking,
            reasoning=answer.reasoning,
            finish_reason=completion.finish_reason,
            prompt=tuple(asdict(message) for message in prompt),
            sampling=asdict(sampling),
            prompt_tokens=completion.prompt_tokens,
            completion_tokens=completion.completion_tokens,
            model_seconds=completion.seconds,
            extra={"cached": completion.cached},
        )

    def _seed(self, view: View) -> int:
        """31 bits: some servers take no more."""
        assert self._start is not None, "start() comes first"
        digest = hashlib.sha256(f"{self._start.seed}/{view.step}/{view.attempt}".encode()).digest()
        return int.from_bytes(digest[:4], "big") >> 1

    def describe(self) -> Mapping[str, Any]:
        """The model and every setting of its requests; the seed differs from request to request."""
        sampling = {name: value for name, value in asdict(self._sampling).items() if name != "seed"}
        return {
            "kind": "model",
            "model": dict(self._model.describe()),
            "template": self._template,
            "sampling": sampling,
            "observation_tokens": self._observation_tokens,
        }

    def close(self) -> None:
        """Nothing: the model belongs to whoever opened it."""


class ModelPolicies:
    """Policies that share one model, one a thread: what `--policy model:name=...` opens.

    Args:
        name: `openai:NAME` or `hf:NAME_OR_FOLDER[+ADAPTER]` (see `tracewarp.models.open_model`).
        base_url: of an OpenAI-compatible server; None: the variable OPENAI_BASE_URL.
        tokenizer: that counts tokens for a server's model; None: four characters are a token.
        response_cache: sqlite file that keeps every answer by its whole request.
        template: a name of `tracewarp.collect.prompts.PROMPT_TEMPLATES`.
        temperature: 0 is greedy.
        top_p: share of probability that is sampled from.
        max_new_tokens: of an answer.
        observation_tokens: the page is cut to its first tokens.
        options: further arguments of the model: `timeout_seconds`, `batch_size`, `quantization`, `dtype`, `device`, ...
    """

    def __init__(
        self,
        name: str,
        *,
        base_url: str | None = None,
        tokenizer: str | None = None,
        response_cache: str | None = None,
        template: str = "web-cot/1",
        temperature: float = 1.0,
        top_p: float = 0.9,
        max_new_tokens: int = 384,
        observation_tokens: int = DEFAULT_OBSERVATION_TOKENS,
        **options: Any,
    ) -> None:
        model = open_model(name, base_url=base_url, tokenizer=tokenizer, response_cache=response_cache, options=options)
        # One process holds the weights: the threads' requests meet in batches. A server does that by itself.
        self._model = BatchingModel(model, max_batch=options.get("batch_size", 16)) if name.startswith("hf:") else model
        self._settings: dict[str, Any] = {
            "template": template,
            "sampling": Sampling(temperature=temperature, top_p=top_p, max_new_tokens=max_new_tokens),
            "observation_tokens": observation_tokens,
        }

    def policy(self) -> ModelPolicy:
        """One more policy, for one more thread."""
        return ModelPolicy(self._model, **self._settings)

    def close(self) -> None:
        """Let go of the model; may be called twice."""
        self._model.close()
