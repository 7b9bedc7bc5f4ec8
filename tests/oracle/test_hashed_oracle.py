"""The hashed encoder written down a second time, in plain Python, from docs/definitions/hashed_encoder.md."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest

from tracewarp.embed import HashedEncoder

MASK = 2**64 - 1
WEIGHTS = {"word": 1.0, "pair": 0.5, "characters": 0.5}
GOLDEN = Path(__file__).parents[1] / "golden" / "hashed_encoder.json"

TEXTS = [
    "",
    "a",
    "...",
    "click('12')\n/admin/orders?page=2\nFind the best seller\nRootWebArea 'Orders'\n\t[12] link 'Orders'",
    "one\n\n  \ntwo two TWO\r\nthree",
    "Straße İstanbul ΣΊΣΥΦΟΣ 東京タワー ½ ²",
    "snake_case camelCase kebab-case 3.14",
    "a b a b a b",
    "x" * 300,
    "emoji \U0001f600 private \ue604 DASHBOARD",
]


def step(state: int, symbol: int) -> int:
    return ((state ^ symbol) * 0x100000001B3) & MASK


def start(kind: int) -> int:
    return step(0xCBF29CE484222325, kind)


def finish(state: int) -> int:
    state = ((state ^ (state >> 33)) * 0xFF51AFD7ED558CCD) & MASK
    state = ((state ^ (state >> 33)) * 0xC4CEB9FE1A85EC53) & MASK
    return state ^ (state >> 33)


def fold(state: int, symbols) -> int:
    for symbol in symbols:
        state = step(state, symbol)
    return finish(state)


def words_of(line: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in line).split(" ")


def oracle(text: str, dim: int) -> np.ndarray:
    counts: dict[tuple[str, int], float] = {}

    def count(kind: str, term: int, amount: float) -> None:
        counts[kind, term] = counts.get((kind, term), 0.0) + amount

    lines = 0
    for line in text.split("\n"):
        words = ["".join(c.lower() for c in word) for word in words_of(line) if word]
        amount = 1 / (1 + lines)
        lines += bool(words)
        hashes = [fold(start(1), map(ord, word)) for word in words]
        for word, term in zip(words, hashes, strict=True):
            count("word", term, amount)
            marked = f"<{word}>"
            grams = [marked[i : i + n] for n in (3, 4, 5) for i in range(len(marked) - n + 1)]
            for gram in grams:
                count("characters", fold(start(3), map(ord, gram)), amount / len(grams))
        for first, second in itertools.pairwise(hashes):
            count("pair", fold(start(2), (first, second)), amount)
    row = np.zeros(dim)
    for (kind, term), amount in counts.items():
        row[term % dim] += (-1 if term >> 63 else 1) * math.sqrt(WEIGHTS[kind] * amount)
    if not row.any():
        term = finish(start(4))
        row[term % dim] = -1 if term >> 63 else 1
    return row / np.linalg.norm(row)


@pytest.mark.parametrize("dim", [1, 7, 64, 512])
def test_the_core_agrees_with_the_definition(dim: int):
    rows = HashedEncoder(dim).encode(TEXTS)
    expected = np.stack([oracle(text, dim) for text in TEXTS])
    # float64 against float64 summed in another order, rounded to float32.
    np.testing.assert_allclose(rows, expected, rtol=0, atol=1e-6)


def test_golden_rows_have_the_same_bits_everywhere():
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    rows = HashedEncoder(golden["dim"]).encode(golden["texts"])
    assert [row.astype("<f4").tobytes().hex() for row in rows] == golden["rows_hex"]
