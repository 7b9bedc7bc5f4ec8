"""What needs no torch does not load it: looked at in fresh processes."""

import json
import subprocess
import sys

import pytest

HEAVY = {"torch", "transformers", "sentence_transformers", "playwright", "ray", "pandas"}
LOOK = "import sys, json; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"


def modules(code: str) -> set[str]:
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(out.stdout.strip().splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import tracewarp",
        "import tracewarp; tracewarp.dtw",
        "import tracewarp.cli\ntry:\n    tracewarp.cli.main(['--help'])\nexcept SystemExit:\n    pass",
        "import tracewarp.cli\ntry:\n    tracewarp.cli.main(['--version'])\nexcept SystemExit:\n    pass",
        "import tracewarp.cli\ntry:\n    tracewarp.cli.main(['evaluate', '--help'])\nexcept SystemExit:\n    pass",
        "import tracewarp.embed; tracewarp.embed.get_encoder('hashed').encode(['text'])",
    ],
)
def test_no_heavy_package_is_loaded(code: str) -> None:
    assert not modules(f"{code}\n{LOOK}") & HEAVY


def test_importing_tracewarp_alone_loads_not_even_numpy() -> None:
    assert "numpy" not in modules(f"import tracewarp\n{LOOK}")
