"""The binary's contract; `tracewarp.metrics` is the place to call it from."""

__version__: str

def instruction_set() -> str: ...
