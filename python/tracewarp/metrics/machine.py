"""What the core computes on: the instruction set of its kernels, and how many threads this process may use."""

from tracewarp._core import available_threads, instruction_set

__all__ = ["available_threads", "instruction_set"]
