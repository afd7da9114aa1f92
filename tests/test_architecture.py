"""The rules of the house: who may import whom, what a file may hold and how large it may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("ganlab", "train", "app.py", "tests")
MOST_LINES = 450
MOST_BYTES = 10_000_000  # of a file, beyond which the Hub wants LFS
MOST_CHECKPOINT_BYTES = 75_000_000


def sources(*rooms: str) -> list[Path]:
    found = []
    for room in rooms:
        path = ROOT / room
        found += [path] if path.is_file() else sorted(path.rglob("*.py"))
    return found


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports anywhere in it; "from a import b" gives both a and a.b."""
    package = list(path.relative_to(ROOT).with_suffix("").parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def importers(*modules: str, of: list[Path]) -> set[str]:
    """The files among `of` that import one of `modules` or something in it."""
    inside = tuple(module + "." for module in modules)
    return {
        name_of(path)
        for path in of
        if any(found in modules or found.startswith(inside) for found in imports(path))
    }


def core() -> list[Path]:
    return [path for path in sources("ganlab") if "ui" not in path.relative_to(ROOT).parts]


def test_the_walk_sees_all_kinds_of_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    path = tmp_path / "ganlab" / "ui" / "tab.py"
    path.parent.mkdir(parents=True)
    path.write_text(
        "import a.b, c\nfrom d import e\nfrom . import f\nfrom ..g import h\ndef i():\n    import j\n"
    )
    found = set(imports(path))
    assert {"a.b", "c", "d", "d.e", "ganlab.ui.f", "ganlab.g", "ganlab.g.h", "j"} <= found
    assert importers("a", of=[path]) == {"ganlab/ui/tab.py"}
    assert importers("ganlab.u", of=[path]) == set()


def test_only_the_interface_imports_gradio() -> None:
    outside = core() + sources("train")
    assert importers("gradio", "gradio_client", of=outside) == set()


def test_the_library_imports_neither_interface_nor_training() -> None:
    assert len(core()) > 5
    assert importers("ganlab.ui", "train", "app", "tests", of=core()) == set()
    assert importers("torchvision", of=core()) == set()


def test_the_interface_imports_no_training() -> None:
    assert importers("train", "app", "tests", "torchvision", of=sources("ganlab/ui", "app.py")) == set()


def test_training_imports_no_interface() -> None:
    assert importers("ganlab.ui", "app", "tests", of=sources("train")) == set()


def test_only_one_file_of_the_library_knows_pil() -> None:
    assert importers("PIL", of=sources("ganlab")) <= {"ganlab/images.py"}
    assert importers("cv2", "skimage", "imageio", of=sources("ganlab")) == set()


def test_importing_the_library_loads_neither_interface_nor_training() -> None:
    program = (
        "import sys, ganlab; ganlab.load, ganlab.list_models, ganlab.Explorer;"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    loaded = set(done.stdout.split())
    assert "torch" in loaded
    assert not loaded & {"gradio", "train", "torchvision", "app", "matplotlib"}


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_the_library_opens_no_pickle() -> None:
    assert importers("pickle", "dill", "joblib", "shelve", of=sources("ganlab", "app.py")) == set()
    for path in sources("ganlab", "app.py"):
        for name, call in calls(path):
            assert name not in ("torch.load", "torch.save", "pickle.load", "pickle.loads"), name_of(path)
            if name in ("np.load", "numpy.load"):
                assert "allow_pickle=False" in ast.unparse(call), name_of(path)


def test_training_loads_weights_only() -> None:
    loads = [(path, call) for path in sources("train") for name, call in calls(path) if name == "torch.load"]
    assert loads
    for path, call in loads:
        assert "weights_only=True" in ast.unparse(call), name_of(path)
    assert not {
        name_of(path)
        for path in sources("train")
        for name, _ in calls(path)
        if name in ("pickle.load", "pickle.loads", "eval", "exec")
    }


@pytest.mark.parametrize("room", ROOMS)
def test_no_source_is_too_long_to_read(room: str) -> None:
    if not (ROOT / room).exists():
        pytest.skip(f"{room} is not there")
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in sources(room)}
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


def tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_tracked_file_is_too_large() -> None:
    assert {name_of(path) for path in tracked() if path.stat().st_size > MOST_BYTES} == set()


def test_checkpoints_stay_small_and_hold_data_only() -> None:
    files = [path for path in tracked() if path.is_relative_to(ROOT / "checkpoints")]
    assert sum(path.stat().st_size for path in files) < MOST_CHECKPOINT_BYTES
    allowed = {".json", ".safetensors", ".npz", ".md", ".png", ".webp"}
    assert {name_of(path) for path in files if path.suffix not in allowed} == set()
