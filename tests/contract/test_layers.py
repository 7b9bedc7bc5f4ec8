"""The house's rule: a module imports from rows below its own, or from its own package."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "python" / "tracewarp"
ROWS = {
    "errors": 0,
    "_core": 0,
    "data": 0,
    "trajectory": 1,
    "envs": 2,
    "models": 2,
    "metrics": 2,
    "embed": 2,
    "collect": 3,
    "synthesize": 3,
    "train": 3,
    "evaluate": 3,
    "improve": 4,
    "reflect": 4,
    "report": 4,
    "studies": 5,
    "cli": 6,
}
CORE_IMPORTERS = {"metrics", "embed", "cli"}
"""metrics compute with the binary; embed holds the hashed encoder; cli/doctor asks it what it is."""

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.name == "errors.py")


def place(parts: tuple[str, ...]) -> str:
    return parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Every tracewarp package that a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            parts = name.split(".")
            if parts[0] == "tracewarp" and len(parts) > 1 and parts[1] in ROWS:
                found.add(parts[1])
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_lower_rows_only(path: Path) -> None:
    home = place(path.relative_to(PACKAGE).parts)
    assert home in ROWS, f"{home} has no row: give it one in architecture and here"
    for other in imports(path) - {home}:
        assert ROWS[other] < ROWS[home], f"{path.name} ({home}, row {ROWS[home]}) imports {other} (row {ROWS[other]})"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_binary_is_reached_from_few_places(path: Path) -> None:
    home = place(path.relative_to(PACKAGE).parts)
    if "_core" in imports(path):
        assert home in CORE_IMPORTERS


def test_heavy_packages_have_few_homes() -> None:
    heavy = {"torch", "transformers", "sentence_transformers", "peft", "playwright", "ray"}
    homes = {"torch": {"embed", "models", "train", "cli"}}
    for path in MODULES:
        home = place(path.relative_to(PACKAGE).parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            for name in names:
                root = name.split(".")[0]
                if root in heavy:
                    assert home in homes.get(root, {"embed", "models", "train", "envs"}), f"{path} imports {name}"


def test_the_core_crate_knows_no_python() -> None:
    manifest = (PACKAGE.parents[1] / "rust" / "core" / "Cargo.toml").read_text(encoding="utf-8")
    assert "pyo3" not in manifest
    assert "numpy" not in manifest
