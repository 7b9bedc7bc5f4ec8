from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tracewarp.embed import STEP_TEMPLATES, HashedEncoder, StepEmbedder, embed_texts, render_step
from tracewarp.trajectory.model import Observation, Step, Task
from tracewarp.trajectory.surrogates import repair

# Half characters too: JSON can hold them, so a record can.
texts = st.text(st.characters(), max_size=60)
encoder = HashedEncoder(24, threads=1)


@given(st.lists(texts, max_size=8), st.integers(1, 40))
def test_hashed_rows_are_finite_and_of_length_one(many: list[str], dim: int):
    rows = HashedEncoder(dim, threads=2).encode(many)
    assert rows.shape == (len(many), dim)
    assert np.isfinite(rows).all()
    np.testing.assert_allclose(np.linalg.norm(rows.astype(np.float64), axis=1), 1.0, atol=1e-6)


@given(st.lists(texts, min_size=1, max_size=8))
def test_a_batch_equals_singles(many: list[str]):
    together = HashedEncoder(24, threads=3).encode(many)
    assert np.array_equal(together, np.concatenate([encoder.encode([text]) for text in many]))


@given(texts)
def test_a_writable_text_can_be_written_and_is_left_alone(text: str):
    once = repair(text)
    once.encode()
    assert repair(once) == once


@given(st.text(max_size=60))
def test_a_text_without_half_characters_does_not_change(text: str):
    assert repair(text) == text


steps = st.builds(
    Step,
    observation=st.builds(Observation, text=texts, url=st.none() | texts | texts.map(lambda t: f"http://{t}")),
    response=st.none() | texts,
    reasoning=st.none() | texts,
    action=st.none() | texts,
)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.builds(Task, id=st.just("1"), objective=texts), steps), max_size=6), st.booleans())
def test_every_step_has_a_row_under_every_template(items: list[tuple[Task, Step]], include_reasoning: bool):
    for template in STEP_TEMPLATES:
        embedder = StepEmbedder(encoder, template=template, include_reasoning=include_reasoning)
        rows = embedder.embed(items).astype(np.float64)
        assert rows.shape == (len(items), embedder.dim)
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=5e-3)


@given(steps)
def test_the_action_comes_first(step: Step):
    (rendered,) = render_step(Task(id="1"), step)
    (_, action) = render_step(Task(id="1"), step, template="split")
    assert rendered.text.startswith(action.text)


@given(st.lists(texts, max_size=10))
def test_equal_texts_have_equal_rows(many: list[str]):
    rows = embed_texts([*many, *many], encoder)
    assert np.array_equal(rows[: len(many)], rows[len(many) :])
