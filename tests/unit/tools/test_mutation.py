"""Mutation testing: what it changes and which tests it runs are there, and its settings are our own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TOOLS = ROOT / "tools" / "mutation"
if not TOOLS.is_dir():
    pytest.skip("the tools are not part of a distribution", allow_module_level=True)
if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli", reason="needs Python 3.11")


@pytest.fixture
def tool(monkeypatch):
    import importlib.util

    spec = importlib.util.spec_from_file_location("mutation_run", TOOLS / "run.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "mutation_run", module)
    spec.loader.exec_module(module)
    return module


def test_every_target_changes_files_and_runs_tests_that_are_there(tool):
    for name, target in tool.TARGETS.items():
        changed = [file for pattern in target.modules for file in (ROOT / "python" / "tracewarp").glob(pattern)]
        assert changed, name
        assert tool.existing(ROOT, target.tests), name


def test_a_copy_has_our_settings_and_other_tests_drop_the_results(tool, tmp_path):
    target = tool.Target(("synthesize/filters.py",), ("tests/unit/synthesize/test_filters.py",))
    tool.prepare(tmp_path / "work", target)
    settings = tomllib.loads((tmp_path / "work" / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert settings["pytest"] == ours["pytest"]
    assert settings["mutmut"]["only_mutate"] == ["src/tracewarp/synthesize/filters.py"]
    assert (tmp_path / "work" / "src" / "tracewarp" / "synthesize" / "filters.py").is_file()
    (tmp_path / "work" / "mutants").mkdir()
    tool.prepare(tmp_path / "work", target)
    assert (tmp_path / "work" / "mutants").is_dir()
    tool.prepare(tmp_path / "work", tool.Target(target.modules, ("tests/unit/synthesize/test_sets.py",)))
    assert not (tmp_path / "work" / "mutants").exists()


def test_mutants_that_ran_out_of_time_are_killed_and_skipped_ones_do_not_count(tool, tmp_path, monkeypatch):
    monkeypatch.setattr(tool, "mutmut", lambda *_, **__: 0)
    (tmp_path / "mutants").mkdir()
    counts = {"killed": 7, "survived": 2, "total": 12, "no_tests": 1, "skipped": 1, "timeout": 1, "segfault": 0}
    (tmp_path / "mutants" / "mutmut-cicd-stats.json").write_text(json.dumps(counts))
    assert tool.measure(tmp_path) == (8, 11)
