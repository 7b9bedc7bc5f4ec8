"""The binary's contract; `tracewarp.metrics` is the place to call it from."""

import numpy as np
from numpy.typing import NDArray

__version__: str

def instruction_set() -> str: ...
def available_threads() -> int: ...
def hash_ngrams(texts: list[str], dim: int, threads: int) -> NDArray[np.float32]: ...
