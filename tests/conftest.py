"""What every test shares: hypothesis settings, the browser, and a report of what ran and what was skipped."""

import os
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

# A shared machine may stop for longer than any deadline; hangs are pytest-timeout's business.
settings.register_profile("tracewarp", deadline=None, print_blob=True)
settings.load_profile("tracewarp")

# One thread each for workers that share the cores: torch would take all of them in every worker.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

RAN = pytest.StashKey[Counter]()
SKIPPED = pytest.StashKey[dict]()


@pytest.fixture(scope="session")
def chromium_path():
    """Of an installed Chromium; tests that ask for it are skipped where it or Playwright is missing."""
    pytest.importorskip("playwright", reason="Playwright is not installed")
    from tracewarp.envs.web.chromium import find_chromium

    path = find_chromium()
    if path is None:
        pytest.skip("no Chromium: set TRACEWARP_CHROMIUM")
    return path


def pytest_addoption(parser):
    """CI names the skips that it expects; any other skip fails the run, because it protects nobody."""
    parser.addoption(
        "--allowed-skips",
        action="append",
        metavar="FILE",
        help="fail the run if a test is skipped for a reason that no line (a regular expression) of a FILE matches",
    )


def pytest_configure(config):
    config.stash[RAN] = Counter()
    config.stash[SKIPPED] = {}
    if hasattr(config, "workerinput"):
        return  # a worker of pytest-xdist; its reports reach the controller

    class Recorder:
        @staticmethod
        def pytest_runtest_logreport(report):
            if report.when == "call" and not report.skipped:
                config.stash[RAN][report.nodeid.removeprefix("tests/").split("/")[0]] += 1
            note_skip(report)

        @staticmethod
        def pytest_collectreport(report):
            note_skip(report)

    def note_skip(report):
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            config.stash[SKIPPED][report.nodeid] = reason.removeprefix("Skipped: ")

    config.pluginmanager.register(Recorder())


def unexpected_skips(config):
    """Every skip whose reason is not allowed, as `test: reason`; nothing without `--allowed-skips`."""
    files = config.getoption("--allowed-skips")
    if files is None:
        return []
    lines = [line for file in files for line in Path(file).read_text(encoding="utf-8").splitlines()]
    allowed = [re.compile(line) for line in lines if line and not line.startswith("#")]
    skipped = sorted(config.stash[SKIPPED].items())
    return [f"{test}: {reason}" for test, reason in skipped if not any(rule.search(reason) for rule in allowed)]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    if not hasattr(session.config, "workerinput") and session.exitstatus == 0 and unexpected_skips(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    kinds = ", ".join(f"{kind} {n}" for kind, n in sorted(config.stash[RAN].items()))
    terminalreporter.write_line(f"tests run by kind: {kinds or 'none'}")
    for line in unexpected_skips(config):
        terminalreporter.write_line(f"SKIPPED, but it must run here: {line}", red=True)
