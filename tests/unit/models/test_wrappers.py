"""Scripts, the response cache, batches across threads."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tracewarp.errors import CacheError, ModelError, OptionError, TracewarpWarning
from tracewarp.models import (
    BatchingModel,
    CachedModel,
    Completion,
    Message,
    Prompt,
    ResponseCache,
    Sampling,
    ScriptedModel,
    open_model,
)
from tracewarp.models.specify import parse_model
from tracewarp.trajectory.surrogates import repair


def prompt(text: str) -> Prompt:
    return (Message("user", text),)


class Counting(ScriptedModel):
    """Echoes, and remembers the batches it was given."""

    def __init__(self, *, seconds: float = 0.0) -> None:
        super().__init__(lambda asked, sampling: f"{asked[0].content}/{sampling.seed}")
        self.batches: list[int] = []
        self.threads: set[int] = set()
        self.seconds = seconds

    def generate(self, prompts: Sequence[Prompt], sampling: Sequence[Sampling]) -> list[Completion]:
        self.batches.append(len(prompts))
        self.threads.add(threading.get_ident())
        time.sleep(self.seconds)
        if any(asked[0].content == "fail" for asked in prompts):
            raise ModelError("out of words")
        return super().generate(prompts, sampling)


def test_a_script_gives_its_answers_in_order_and_says_when_it_ends() -> None:
    model = ScriptedModel(["one", "two"])
    assert [c.text for c in model.generate([prompt("?")] * 2, [Sampling()] * 2)] == ["one", "two"]
    with pytest.raises(ModelError, match="2 answers were given"):
        model.generate([prompt("?")], [Sampling()])


def test_a_request_is_answered_once(tmp_path: Path) -> None:
    inner = Counting()
    model = CachedModel(inner, ResponseCache(tmp_path / "cache.sqlite"))
    [first] = model.generate([prompt("a")], [Sampling(seed=1)])
    again, other = model.generate([prompt("a"), prompt("b")], [Sampling(seed=1), Sampling(seed=1)])
    assert inner.batches == [1, 1]
    assert (first.cached, again.cached, other.cached) == (False, True, False)
    assert (again.text, other.text) == (first.text, "b/1")


@pytest.mark.parametrize("other", [{"seed": 2}, {"temperature": 0.1}, {"top_p": 0.1}, {"max_new_tokens": 1}])
def test_any_other_value_is_another_request(tmp_path: Path, other: dict[str, float]) -> None:
    inner = Counting()
    model = CachedModel(inner, ResponseCache(tmp_path / "cache.sqlite"))
    model.generate([prompt("a")], [Sampling(seed=1)])
    model.generate([prompt("a")], [replace(Sampling(seed=1), **other)])  # type: ignore[arg-type]
    assert inner.batches == [1, 1]


def test_a_cache_outlives_its_process(tmp_path: Path) -> None:
    for expected in (False, True):
        model = CachedModel(Counting(), ResponseCache(tmp_path / "cache.sqlite"))
        assert model.generate([prompt("a")], [Sampling()])[0].cached is expected
        model.close()


def test_another_file_is_no_cache(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but text that is longer than its header would be")
    with pytest.raises(CacheError, match="cannot be used as one"):
        ResponseCache(path)


def test_threads_meet_in_batches_and_get_their_own_answers() -> None:
    inner = Counting(seconds=0.01)
    model = BatchingModel(inner, max_batch=8, wait_seconds=0.05)
    with ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(lambda i: model.generate([prompt(str(i))], [Sampling(seed=i)])[0].text, range(64)))
    model.close()
    assert texts == [f"{i}/{i}" for i in range(64)]
    assert max(inner.batches) <= 8
    assert len(inner.batches) < 32
    assert len(inner.threads) == 1


def test_a_failing_batch_tells_those_who_wait_and_the_next_one_goes_on() -> None:
    model = BatchingModel(Counting(), wait_seconds=0.0)
    with pytest.raises(ModelError, match="out of words"):
        model.generate([prompt("fail")], [Sampling()])
    assert model.generate([prompt("a")], [Sampling()])[0].text == "a/None"
    model.close()
    model.close()
    with pytest.raises(ModelError, match="closed"):
        model.generate([prompt("a")], [Sampling()])


@pytest.mark.parametrize("text", ["gpt", "openai:", "vllm:x", ""])
def test_a_model_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match="expected openai:NAME"):
        open_model(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("openai:org/model+x", ("openai", "org/model+x", None)),
        ("hf:folder", ("hf", "folder", None)),
        ("hf:folder+adapter", ("hf", "folder", "adapter")),
        ("tiny-agent", ("hf", "tiny-agent", None)),
        ("hf:tiny-agent+adapter", ("hf", "tiny-agent", "adapter")),
        ("tiny-agent+adapter", ("hf", "tiny-agent", "adapter")),
    ],
)
def test_a_string_names_a_model(text: str, parts: tuple[str, str, str | None]) -> None:
    assert parse_model(text) == parts


@pytest.mark.parametrize(
    ("text", "setting", "near"),
    [
        ("openai:m", "timeout", "timeout_seconds"),
        ("openai:m", "max_connection", "max_connections"),
        ("openai:m", "batch_size", None),
        ("hf:folder", "quantisation", "quantization"),
        ("hf:folder", "batchsize", "batch_size"),
        ("hf:folder", "timeout_seconds", None),
    ],
)
def test_an_unknown_setting_is_named_with_the_nearest_known_one(text: str, setting: str, near: str | None) -> None:
    hint = f"did you mean '{near}'" if near else "known settings: "
    with pytest.raises(OptionError, match=f"unknown setting '{setting}'; {hint}"):
        open_model(text, options={setting: 1})


class Server(ScriptedModel):
    """Stands for a model behind HTTP."""

    def identity(self) -> dict[str, object]:
        return {"kind": "openai", "endpoint": "http://models.example/v1", "name": self.name}


def test_a_cache_before_a_server_warns_once(tmp_path: Path) -> None:
    model = CachedModel(Server(["a", "b"]), ResponseCache(tmp_path / "cache.sqlite"))
    with pytest.warns(TracewarpWarning, match=r"weights of scripted at http://models.example/v1 are not known") as told:
        model.generate([prompt("a")], [Sampling()])
        model.generate([prompt("b")], [Sampling()])
    assert len(told) == 1


@pytest.mark.parametrize("text", ["a\ud83d", "\ude00", "\ud83d\ude00"])
def test_half_characters_pass_through_cache_and_counter(tmp_path: Path, text: str) -> None:
    model = CachedModel(ScriptedModel(lambda asked, _: asked[0].content), ResponseCache(tmp_path / "cache.sqlite"))
    first = model.generate([prompt(text)], [Sampling()])
    again = model.generate([prompt(text)], [Sampling()])
    assert again[0].cached
    assert again[0].text.encode() == repair(first[0].text).encode()
    assert model.truncate(text, 1).encode()


def test_values_that_are_left_out_are_recorded_so() -> None:
    assert Sampling(top_p=None, seed=None, max_new_tokens=9).record() == {
        "temperature": 1.0,
        "max_new_tokens": 9,
        "stop": [],
        "left_out": ["top_p", "seed"],
    }
    assert "left_out" not in Sampling(seed=3).record()


def test_files_of_a_model_are_told_apart(tmp_path: Path) -> None:
    from tracewarp.models.fingerprint import fingerprint

    numpy = pytest.importorskip("safetensors.numpy", reason="needs the extra train")
    import numpy as np

    weights, config = tmp_path / "model.safetensors", tmp_path / "config.json"
    numpy.save_file({"a": np.zeros((2, 3), np.float32)}, weights)
    config.write_text("{}")
    (tmp_path / "README.md").write_text("x")
    quick, full = fingerprint(tmp_path), fingerprint(tmp_path, full=True)
    assert [entry[0] for entry in quick] == ["config.json", "model.safetensors"]

    (tmp_path / "README.md").write_text("y")
    os.utime(config, ns=(1, 1))
    assert fingerprint(tmp_path) != quick
    assert fingerprint(tmp_path, full=True) == full

    about = weights.stat()
    numpy.save_file({"a": np.ones((2, 3), np.float32)}, weights)
    os.utime(weights, ns=(about.st_atime_ns, about.st_mtime_ns))
    os.utime(config, ns=(quick[0][3], quick[0][3]))
    assert fingerprint(tmp_path) == quick, "an edit that keeps size and time is seen by content alone"
    assert fingerprint(tmp_path, full=True) != full

    numpy.save_file({"a": np.zeros((3, 2), np.float32)}, weights)
    os.utime(weights, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert fingerprint(tmp_path) != quick, "other shapes"


def test_a_check_is_never_answered_by_a_cache(tmp_path: Path) -> None:
    inner = Counting()
    model = CachedModel(BatchingModel(inner), ResponseCache(tmp_path / "cache.sqlite"))
    model.check(Sampling())
    model.check(Sampling())
    model.close()
    assert inner.batches == [1, 1]
