from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tracewarp.embed import EmbeddingCache, HashedEncoder, StepEmbedder, embed_texts, render_step
from tracewarp.embed.steps import CHUNK
from tracewarp.errors import CacheError, EncoderError, InputError, OptionError
from tracewarp.trajectory.model import Observation, Step, Task

TASK = Task(id="1", objective="Buy the red shoes")


def items(n: int, *, distinct: int | None = None) -> list[tuple[Task, Step]]:
    numbers = [i % (distinct or n) for i in range(n)]
    return [
        (TASK, Step(observation=Observation(text=f"page {i} of the shop", url=f"http://h/{i}"), action=f"click('{i}')"))
        for i in numbers
    ]


def cosine(u: np.ndarray, v: np.ndarray) -> float:
    u, v = u.astype(np.float64), v.astype(np.float64)
    return float(u @ v / np.linalg.norm(u) / np.linalg.norm(v))


def test_one_unit_float16_row_a_step_in_order(encoder):
    steps = items(CHUNK * 2 + 3)
    rows = StepEmbedder(encoder).embed(steps)
    assert rows.shape == (len(steps), 32)
    assert rows.dtype == np.float16
    texts = [render_step(*item)[0].text for item in steps]
    np.testing.assert_allclose(rows, HashedEncoder(32).encode(texts), atol=5e-4)


def test_no_steps_give_no_rows(encoder):
    assert StepEmbedder(encoder).embed([]).shape == (0, 32)
    assert StepEmbedder(encoder, template="split").embed([]).shape == (0, 64)
    assert embed_texts([], encoder).shape == (0, 32)


def test_identical_texts_are_encoded_once(encoder):
    rows = StepEmbedder(encoder).embed(items(300, distinct=7))
    assert len(encoder.asked) == 7
    assert np.array_equal(rows[:7], rows[7:14])


def test_a_second_run_encodes_nothing_and_gives_the_same_bits(cache: EmbeddingCache, encoder):
    embedder = StepEmbedder(encoder, cache=cache)
    first = embedder.embed(items(150))
    encoder.asked.clear()
    second = embedder.embed(items(150))
    assert encoder.asked == []
    assert np.array_equal(first, second)
    assert np.array_equal(first, StepEmbedder(encoder).embed(items(150)))


def test_templates_do_not_share_rows(cache: EmbeddingCache, encoder):
    for template in ("action_first", "paper"):
        StepEmbedder(encoder, template=template, cache=cache).embed(items(5))
    assert len(encoder.asked) == 10


def test_a_chunk_is_committed_before_the_next_is_read(cache: EmbeddingCache, encoder):
    def stream():
        for i, item in enumerate(items(3 * CHUNK)):
            assert len(cache) == i // CHUNK * CHUNK
            yield item

    StepEmbedder(encoder, cache=cache).embed(stream())


def test_progress_tells_items_done_and_texts_encoded(cache: EmbeddingCache, encoder):
    calls: list[tuple[int, int]] = []
    embedder = StepEmbedder(encoder, cache=cache)
    embedder.embed(items(CHUNK))
    embedder.embed(items(CHUNK + 5), total=CHUNK + 5, progress=lambda done, encoded: calls.append((done, encoded)))
    assert calls == [(CHUNK, 0), (CHUNK + 5, 5)]


@pytest.mark.parametrize("total", [0, 1, 200, 10_000])
def test_a_wrong_total_does_not_change_the_rows(encoder, total: int):
    embedder = StepEmbedder(encoder)
    assert np.array_equal(embedder.embed(items(200), total=total), embedder.embed(items(200)))


@pytest.mark.parametrize("weight", [0.0, 0.25, 0.5, 1.0])
def test_a_cosine_of_split_rows_is_the_weighted_mean_of_the_two(encoder, weight: float):
    first, second = items(2)
    joined = StepEmbedder(encoder, template="split", observation_weight=weight).embed([first, second])
    assert joined.shape == (2, 64)
    parts = [[part.text for part in render_step(*item, template="split")] for item in (first, second)]
    seen, done = (embed_texts([a, b], encoder) for a, b in zip(*parts, strict=True))
    expected = weight * cosine(*seen) + (1 - weight) * cosine(*done)
    assert cosine(*joined) == pytest.approx(expected, abs=1e-3)
    np.testing.assert_allclose(np.linalg.norm(joined.astype(np.float64), axis=1), 1.0, atol=2e-3)


@pytest.mark.parametrize("weight", [-0.1, 1.1, float("nan")])
def test_a_weight_outside_its_range_is_refused(encoder, weight: float):
    with pytest.raises(OptionError, match="observation_weight: expected a number from 0 to 1, got"):
        StepEmbedder(encoder, template="split", observation_weight=weight)


def test_an_unknown_template_is_refused(encoder):
    with pytest.raises(OptionError, match="template: expected one of"):
        StepEmbedder(encoder, template="last")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.ones((1, 32)), r"expected rows of shape \(2, 32\), got \(1, 32\)"),
        (np.full((2, 32), np.nan), "not finite"),
        (np.full((2, 32), np.inf), "not finite"),
        (np.zeros((2, 32)), "returned a zero row"),
    ],
)
def test_rows_that_cannot_be_used_are_refused(rows: np.ndarray, message: str):
    class Broken:
        name, dim = "broken", 32

        def encode(self, texts):
            return rows

    with pytest.raises(EncoderError, match=f"encoder broken: .*{message}"):
        embed_texts(["a", "b"], Broken())


def test_rows_of_any_length_are_scaled_to_one():
    class Long:
        name, dim = "long", 2

        def encode(self, texts):
            return np.array([[3e30, 4e30], [3e-30, 4e-30]], dtype=np.float32)

    assert embed_texts(["a", "b"], Long()).tolist() == [[np.float16(0.6), np.float16(0.8)]] * 2


def test_an_encoder_that_changed_its_dim_under_one_name_is_refused(cache_path: Path, encoder):
    with EmbeddingCache(cache_path) as cache:
        embed_texts(["a"], encoder, cache=cache)
        encoder.dim = 16
        with pytest.raises(CacheError, match="holds a row of 32 numbers where the encoder has 16"):
            embed_texts(["a"], encoder, cache=cache)


@pytest.mark.parametrize("texts", ["one text", ["a", 3]])
def test_texts_must_be_a_sequence_of_strings(encoder, texts: object):
    with pytest.raises(InputError, match="texts: expected a sequence of strings"):
        embed_texts(texts, encoder)


def test_lone_surrogates_are_embedded_as_the_replacement_character(cache: EmbeddingCache, encoder):
    rows = embed_texts(["x \ud800", "x \ufffd"], encoder, cache=cache)
    assert np.array_equal(rows[0], rows[1])
    assert encoder.asked == ["x \ufffd"]
