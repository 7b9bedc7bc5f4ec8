"""What every test shares."""

import pytest
from hypothesis import settings

# A shared machine may stop for longer than any deadline; hangs are pytest-timeout's business.
settings.register_profile("tracewarp", deadline=None, print_blob=True)
settings.load_profile("tracewarp")


@pytest.fixture(scope="session")
def chromium_path():
    """Of an installed Chromium; tests that ask for it are skipped where it or Playwright is missing."""
    pytest.importorskip("playwright", reason="Playwright is not installed")
    from tracewarp.envs.web.chromium import find_chromium

    path = find_chromium()
    if path is None:
        pytest.skip("no Chromium: set TRACEWARP_CHROMIUM")
    return path
