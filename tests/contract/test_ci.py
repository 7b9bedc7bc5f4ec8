"""What CI relies on: unexpected skips fail a run, coverage may not fall, and long tests are resumed."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not (ROOT / ".ci").is_dir(), reason="the checks of CI are not part of a distribution")

TESTS = """
import pytest

def test_that_runs():
    pass

def test_that_does_not():
    pytest.skip("needs the extra train")
"""
MODULE = 'import pytest\n\npytest.importorskip("no_such_package", reason="needs the extra browser")\n'


@pytest.fixture
def run(tmp_path):
    """Run pytest on a folder with the conftest of this suite."""
    (tmp_path / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path / "tests")
    (tmp_path / "tests" / "test_some.py").write_text(TESTS)
    (tmp_path / "tests" / "test_module.py").write_text(MODULE)
    (tmp_path / "pytest.ini").write_text("[pytest]\ntestpaths = tests\n")

    def run(*options):
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    return run


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_a_skip_that_nobody_allowed_fails_the_run(run, tmp_path, workers):
    (tmp_path / "allowed").write_text("# a comment\n^needs the extra train$\n")
    done = run("--allowed-skips=allowed", *workers)
    assert done.returncode == 1, done.stdout
    assert "SKIPPED, but it must run here: tests/test_module.py: needs the extra browser" in done.stdout
    assert done.stdout.count("SKIPPED, but") == 1
    assert "tests run by kind: test_some.py" in done.stdout


def test_allowed_skips_pass(run, tmp_path):
    (tmp_path / "a").write_text("extra train")
    (tmp_path / "b").write_text("extra browser")
    assert run("--allowed-skips=a", "--allowed-skips=b").returncode == 0
    assert run().returncode == 0, "without the option every skip is allowed"


def module(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    made = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = made  # dataclasses look their module up
    spec.loader.exec_module(made)
    return made


@pytest.fixture
def long(monkeypatch, tmp_path):
    """The runner of long tests in a repository of its own, with one part that counts how often it ran."""
    made = module(ROOT / "tools" / "long" / "run.py")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "input").write_text("1")
    (tmp_path / "script.py").write_text(
        "import pathlib, sys\n"
        "ran = pathlib.Path('ran'); ran.write_text(ran.read_text() + 'x' if ran.exists() else 'x')\n"
        "print('3 passed'); sys.exit(pathlib.Path('fail').exists())\n"
    )
    monkeypatch.setattr(made, "ROOT", tmp_path)
    monkeypatch.setattr(made, "RECORD", tmp_path / "out" / "record.json")
    one = made.Part("one", (sys.executable, "script.py"), ("input",))
    study = made.Part("study", ("false",), ("input",), by_default=False)
    monkeypatch.setattr(made, "parts", lambda: [one, study])
    monkeypatch.setattr(sys, "argv", ["run.py"])
    made.times_run = lambda: len((tmp_path / "ran").read_text())
    return made


def test_a_finished_part_is_not_repeated_until_its_inputs_change(long, tmp_path):
    assert (long.main(), long.main(), long.times_run()) == (0, 0, 1)
    assert json.loads((tmp_path / "out" / "record.json").read_text())["one"]["result"] == "3 passed"
    (tmp_path / "input").write_text("2")
    assert (long.main(), long.times_run()) == (0, 2)


def test_a_part_that_failed_runs_again(long, tmp_path):
    (tmp_path / "fail").touch()
    assert (long.main(), long.times_run()) == (1, 1)
    (tmp_path / "fail").unlink()
    assert (long.main(), long.times_run()) == (0, 2)


def test_parts_are_chosen_by_name_or_prefix_and_studies_only_by_name(long):
    every = [long.Part(name, (), (), by_default=name != "study") for name in ("slow-a", "slow-b", "demo", "study")]
    assert [part.name for part in long.chosen(every, [])] == ["slow-a", "slow-b", "demo"]
    assert [part.name for part in long.chosen(every, ["slow"])] == ["slow-a", "slow-b"]
    assert [part.name for part in long.chosen(every, ["study"])] == ["study"]
    with pytest.raises(SystemExit, match="unknown part 'sloww'"):
        long.chosen(every, ["sloww"])
