"""The wheel in a fresh environment with no compiler in reach. Needs `TRACEWARP_WHEEL`, see make test-wheel."""

import json
import os
import re
import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WHEEL = Path(os.environ["TRACEWARP_WHEEL"]).resolve() if "TRACEWARP_WHEEL" in os.environ else None
KEPT = ("PIP_", "SSL_", "REQUESTS_", "HTTP_", "HTTPS_", "NO_PROXY", "http_", "https_", "no_proxy")
"""Variables that pip may need to reach an index; everything else starts empty."""
BUILDERS = ("cc", "gcc", "g++", "clang", "ld", "cargo", "rustc", "maturin", "zig", "make")

pytestmark = [
    pytest.mark.wheel,
    pytest.mark.slow,
    pytest.mark.skipif(WHEEL is None, reason="TRACEWARP_WHEEL does not name a wheel: run make test-wheel"),
]


class Installed:
    """An environment that knows nothing but the wheel and what pip fetched for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "work"
        self.folder.mkdir()
        subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
        self.bin = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
        kept = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
        self.environment = kept | {"PATH": str(self.bin), "HOME": str(folder), "LANG": "C.UTF-8", "COLUMNS": "120"}

    def run(self, program: str, *words: str, fails: bool = False) -> subprocess.CompletedProcess[str]:
        command = [str(self.bin / program), *words]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, encoding="utf-8", timeout=240
        )
        assert fails or done.returncode == 0, done.stdout + done.stderr
        return done


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    environment = Installed(tmp_path_factory.mktemp("installed"))
    # Only binaries: a dependency that would have to be compiled here fails the test.
    environment.run("python", "-m", "pip", "install", "--quiet", "--only-binary", ":all:", str(WHEEL))
    return environment


@pytest.fixture(scope="module")
def content():
    with zipfile.ZipFile(WHEEL) as wheel:
        yield wheel


def test_the_wheel_fits_every_python_from_310_and_an_old_glibc():
    assert "-cp310-abi3-" in WHEEL.name
    if sys.platform == "linux":
        assert "manylinux_2_17" in WHEEL.name


def test_the_wheel_is_at_most_five_megabytes():
    assert WHEEL.stat().st_size <= 5_000_000


def test_the_wheel_holds_everything_that_the_package_reads(content):
    names = set(content.namelist())
    package = ROOT / "python"
    wanted = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix not in (".so", ".pyd")
    }
    assert wanted <= names
    assert {name for name in names if name.startswith("tracewarp/data/demo/")}


def test_the_wheel_holds_the_licences(content):
    licences = {name.split("/licenses/")[1] for name in content.namelist() if "/licenses/" in name}
    assert {Path(name).name for name in licences} == {"LICENSE", "NOTICE", "LICENSE-published-capability-labels"}


def test_the_wheel_holds_one_stripped_binary_and_nothing_of_the_checkout(content):
    names = content.namelist()
    binaries = [name for name in names if name.endswith((".so", ".pyd", ".a", ".rlib"))]
    assert len(binaries) == 1
    assert not [name for name in names if re.match(r"(tests|benches|docs|rust|target)/", name)]
    data = content.read(binaries[0])
    if data[:4] == b"\x7fELF":
        assert not {name for name in sections(data) if name.startswith((".debug", ".symtab"))}
    assert str(ROOT).encode() not in data
    assert str(Path.home() / ".cargo").encode() not in data


def sections(elf):
    """Names of the sections of a 64-bit little-endian ELF file."""
    (start,) = struct.unpack_from("<Q", elf, 0x28)
    size, count, names = struct.unpack_from("<HHH", elf, 0x3A)
    headers = [struct.unpack_from("<IIQQQQ", elf, start + k * size) for k in range(count)]
    table = headers[names][4]
    return [elf[table + header[0] : elf.index(b"\0", table + header[0])].decode() for header in headers]


def test_no_builder_is_on_the_path(installed):
    assert not [name for name in BUILDERS if shutil.which(name, path=installed.environment["PATH"])]


def test_the_package_comes_from_the_wheel_and_its_requirements_are_met(installed):
    place = installed.run("python", "-c", "import tracewarp; print(tracewarp.__file__)").stdout
    assert Path(place.strip()).is_relative_to(installed.bin.parent)
    installed.run("python", "-m", "pip", "check")


def test_the_version_is_that_of_the_wheel(installed):
    assert installed.run("tracewarp", "--version").stdout.split()[-1] == WHEEL.name.split("-")[1]


def test_the_demo_writes_its_report(installed):
    said = installed.run("tracewarp", "demo", "--policies").stdout
    assert "The report is" in said
    folder = installed.folder / "tracewarp-demo-policies"
    assert json.loads((folder / "scores.json").read_text("utf-8"))["runs"][0]["functional_correctness"]["n"] >= 60
    assert (folder / "report.html").stat().st_size < 5_000_000


def test_the_example_of_the_readme_runs(installed):
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S)[1]
    expected = [line.split("# -> ")[1] for line in code.splitlines() if "# -> " in line]
    assert installed.run("python", "-W", "error", "-c", code).stdout.splitlines() == expected


def test_doctor_and_bench_work_without_any_extra(installed):
    facts = json.loads(installed.run("tracewarp", "doctor", "--json").stdout)
    assert facts["encoders"] == ["hashed"]
    found = installed.run(
        "tracewarp", "bench", "--pairs", "3", "--steps", "2-5", "--dim", "16", "--seconds", "0.1", "--json"
    )
    compared = json.loads(found.stdout)
    assert compared["agrees"]
    assert "fastdtw" in compared["missing"]


def test_a_missing_file_is_one_sentence_and_exit_code_two(installed):
    done = installed.run("tracewarp", "evaluate", "nowhere.jsonl", fails=True)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr and "nowhere.jsonl" in done.stderr
