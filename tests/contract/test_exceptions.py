"""Every exception on the page is raised by a test, and every page lists what it should."""

import ast
import inspect
from pathlib import Path

import tracewarp.errors as errors

TESTS = Path(__file__).parents[1]
FAMILIES = {"TracewarpError", "InputError", "FileError"}
"""Roots to catch; nothing raises them itself."""


def raised_in_tests() -> set[str]:
    """Names that some test uses: those of its `pytest.raises` and its tables of expectations among them."""
    found = set()
    for path in TESTS.rglob("*.py"):
        if path == Path(__file__):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Name):
                found.add(node.id)
            elif isinstance(node, ast.Attribute):
                found.add(node.attr)
    return found


def test_every_exception_is_expected_somewhere() -> None:
    declared = {name for name, value in vars(errors).items() if inspect.isclass(value)} - FAMILIES
    assert declared - raised_in_tests() == set()


def test_every_exception_has_one_root_and_a_docstring() -> None:
    for name, value in vars(errors).items():
        if inspect.isclass(value):
            assert issubclass(value, (errors.TracewarpError, errors.TracewarpWarning)), name
            assert value.__doc__, name
