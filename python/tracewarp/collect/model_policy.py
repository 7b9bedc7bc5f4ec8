"""A policy that asks a model: prompt, completion, action."""

from __future__ import annotations

import hashlib
import inspect
import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Final, Literal

from tracewarp.collect.policy import Decision, Start, View
from tracewarp.collect.prompts import PROMPT_TEMPLATES, Situation, read_answer, render_prompt
from tracewarp.collect.window import ObservationWindow
from tracewarp.errors import OptionError
from tracewarp.models import BatchingModel, Model, Prompt, Sampling, open_model
from tracewarp.models.hf import TINY_AGENT
from tracewarp.models.specify import check_settings, model_settings, parse_model

DEFAULT_OBSERVATION_TOKENS = 1_920
"""Of the agent's own tokenizer; the authors' released runs cut there."""


class ModelPolicy:
    """Shows a model the objective, the page and the previous action, and takes its answer for the next action.

    Args:
        model: answers prompts; may be shared with other policies if it is safe for threads.
        template: a name of `tracewarp.collect.prompts.PROMPT_TEMPLATES`.
        sampling: of every request; its seed is replaced by one of the episode's seed, the step and the attempt.
        observation_tokens: the page is cut to its first tokens.
        seeded: send a seed with every request; False for servers that refuse one.
        scroll_window: `scroll` moves on to what the cut left out; False: it does not, as under the paper's settings.
    """

    def __init__(
        self,
        model: Model,
        *,
        template: str = "web-cot/1",
        sampling: Sampling | None = None,
        observation_tokens: int = DEFAULT_OBSERVATION_TOKENS,
        seeded: bool = True,
        scroll_window: bool = True,
    ) -> None:
        self.name = model.name
        self._model = model
        self._template = template
        self._sampling = sampling or Sampling()
        self._observation_tokens = observation_tokens
        self._seeded = seeded
        self._scroll_window = scroll_window
        self._start: Start | None = None
        self._window = ObservationWindow(model.truncate, observation_tokens, moves=False)

    def start(self, start: Start) -> None:
        """Remember the episode's task and seed."""
        self._start = start
        # In the extent `viewport` the browser itself scrolls.
        moves = self._scroll_window and start.spec.settings.get("extent") != "viewport"
        self._window = ObservationWindow(self._model.truncate, self._observation_tokens, moves=moves)

    def prompt(self, view: View) -> Prompt:
        """The chat that is sent for a view of the current episode."""
        assert self._start is not None, "start() comes first"
        seen = view.observation
        situation = Situation(
            objective=seen.instruction,
            page=self._window.show(view),
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
        sampling = replace(self._sampling, seed=self._seed(view) if self._seeded else None)
        completion = self._model.generate([prompt], [sampling])[0]
        answer = read_answer(completion.text)
        thoughts = [thought for thought in (completion.thinking, answer.thinking) if thought]
        return Decision(
            action=answer.action,
            response=answer.text,
            thinking="\n\n".join(thoughts) or None,
            reasoning=answer.reasoning,
            finish_reason=completion.finish_reason,
            prompt=tuple(
                {name: value for name, value in asdict(message).items() if value is not None} for message in prompt
            ),
            sampling=sampling.record(),
            prompt_tokens=completion.prompt_tokens,
            completion_tokens=completion.completion_tokens,
            model_seconds=completion.seconds,
            extra={"cached": completion.cached} | ({"window": self._window.number} if self._window.number else {}),
        )

    def check(self) -> None:
        """Ask the model for one token.

        Raises:
            ModelError: it does not answer.
        """
        self._model.check(replace(self._sampling, seed=0 if self._seeded else None))

    def _seed(self, view: View) -> int:
        """31 bits: some servers take no more."""
        assert self._start is not None, "start() comes first"
        digest = hashlib.sha256(f"{self._start.seed}/{view.step}/{view.attempt}".encode()).digest()
        return int.from_bytes(digest[:4], "big") >> 1

    def describe(self) -> Mapping[str, Any]:
        """The model and every setting of its requests; the seed differs from request to request."""
        sampling = replace(self._sampling, seed=0 if self._seeded else None).record()
        sampling.pop("seed", None)
        return {
            "kind": "model",
            "model": dict(self._model.describe()),
            "template": self._template,
            "sampling": sampling,
            "observation_tokens": self._observation_tokens,
            "scroll_window": self._scroll_window,
        }

    def close(self) -> None:
        """Nothing: the model belongs to whoever opened it."""


_BY_MODEL: Final[Any] = object()
"""Stands for the value that suits the model."""


class ModelPolicies:
    """Policies that share one model, one a thread: what `--policy model:name=...` opens.

    Args:
        name: `openai:NAME`, `hf:NAME_OR_FOLDER[+ADAPTER]` or `tiny-agent` (see `tracewarp.models.open_model`).
        base_url: of an OpenAI-compatible server; None: the variable OPENAI_BASE_URL.
        tokenizer: that counts tokens for a server's model; None: four characters are a token.
        response_cache: sqlite file that keeps every answer by its whole request.
        template: a name of `tracewarp.collect.prompts.PROMPT_TEMPLATES`; left out: `web-cot/1`, and for `tiny-agent`
            the `web-cot/1-bare` that it was trained on.
        temperature: 0 is greedy; None leaves it out of requests, for servers that refuse it.
        top_p: share of probability that is sampled from; None leaves it out of requests.
        seed: `episode` is a number from the episode's seed, the step and the attempt; None leaves it out of requests.
        max_new_tokens: of an answer; left out: 384, and for `tiny-agent` 40.
        observation_tokens: the page is cut to its first tokens.
        scroll_window: `scroll` moves on to what the cut left out; False: it does not, as under the paper's settings.
        options: further arguments of the model: `timeout_seconds`, `batch_size`, `quantization`, `dtype`, `device`,
            `hash`, ...

    Raises:
        OptionError: an unknown setting, or a value out of its range.
        ModelError: a model that cannot be loaded.
    """

    def __init__(
        self,
        name: str,
        *,
        base_url: str | None = None,
        tokenizer: str | None = None,
        response_cache: str | None = None,
        template: str = _BY_MODEL,
        temperature: float | None = 1.0,
        top_p: float | None = 0.9,
        seed: Literal["episode"] | None = "episode",
        max_new_tokens: int = _BY_MODEL,
        observation_tokens: int = DEFAULT_OBSERVATION_TOKENS,
        scroll_window: bool = True,
        **options: Any,
    ) -> None:
        kind, base, _ = parse_model(str(name))
        own = [it for it in inspect.signature(ModelPolicies.__init__).parameters if it not in {"self", "options"}]
        check_settings(options, [*own, *model_settings(kind)])
        is_tiny = kind == "hf" and base == TINY_AGENT
        if template is _BY_MODEL:
            template = "web-cot/1-bare" if is_tiny else "web-cot/1"
        if max_new_tokens is _BY_MODEL:
            max_new_tokens = 40 if is_tiny else 384
        _check(name=name, temperature=temperature, top_p=top_p, seed=seed, template=template)
        _check_counts(max_new_tokens=max_new_tokens, observation_tokens=observation_tokens)
        if not isinstance(scroll_window, bool):
            raise OptionError(f"scroll_window: expected true or false, got {scroll_window!r}")
        if kind == "hf" and (temperature is None or top_p is None):
            raise OptionError("temperature, top_p: a model in this process needs numbers; only servers can do without")
        model = open_model(name, base_url=base_url, tokenizer=tokenizer, response_cache=response_cache, options=options)
        # One process holds the weights: the threads' requests meet in batches. A server does that by itself.
        self._model = BatchingModel(model, max_batch=options.get("batch_size", 16)) if kind == "hf" else model
        self._settings: dict[str, Any] = {
            "template": template,
            "sampling": Sampling(temperature=temperature, top_p=top_p, max_new_tokens=max_new_tokens),
            "observation_tokens": observation_tokens,
            "seeded": seed is not None,
            "scroll_window": scroll_window,
        }

    def policy(self) -> ModelPolicy:
        """One more policy, for one more thread."""
        return ModelPolicy(self._model, **self._settings)

    def check(self) -> None:
        """Ask the model for one token.

        Raises:
            ModelError: it does not answer.
        """
        self.policy().check()

    def close(self) -> None:
        """Let go of the model; may be called twice."""
        self._model.close()


def _check(*, name: object, temperature: object, top_p: object, seed: object, template: str) -> None:
    if not isinstance(name, str):
        raise OptionError(f"name: expected a model such as openai:NAME or hf:FOLDER, got {name!r}")
    if temperature is not None and not (_is_number(temperature) and 0 <= float(str(temperature)) < math.inf):
        raise OptionError(f"temperature: expected a number of at least 0, or none, got {temperature!r}")
    if top_p is not None and not (_is_number(top_p) and 0 < float(str(top_p)) <= 1):
        raise OptionError(f"top_p: expected a number in (0, 1], or none, got {top_p!r}")
    if seed not in ("episode", None):
        raise OptionError(
            f"seed: expected episode or none, got {seed!r}; set the seed of a run with the option --seed, from which "
            "requests get theirs"
        )
    if template not in PROMPT_TEMPLATES:
        raise OptionError(f"template: expected one of {', '.join(PROMPT_TEMPLATES)}, got {template!r}")


def _check_counts(**counts: object) -> None:
    for name, value in counts.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise OptionError(f"{name}: expected an integer of at least 1, got {value!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
