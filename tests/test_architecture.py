"""The rules of the layout: who imports whom, what a file may hold, its size, and its names."""

from __future__ import annotations

import ast
import builtins
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house import (
    build_graph,
    find_circles,
    list_imports,
    list_sources,
    measure_files,
    measure_functions,
    parse,
)

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("ganlab", "train", "app.py", "tests")
MAX_LINES = 400
MAX_FUNCTION_LINES = 60
VAGUE = {"found", "made", "told", "one", "moved", "place", "known", "asked", "brought"}
MAX_BYTES = 10_000_000  # of a file, beyond which the Hub wants LFS
MAX_CHECKPOINT_BYTES = 110_000_000


def sources(*rooms: str) -> list[Path]:
    return list_sources(ROOT, *rooms)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def importers(*modules: str, of: list[Path], root: Path = ROOT) -> set[str]:
    """The files among `of` that import one of `modules` or something in it."""
    inside = tuple(module + "." for module in modules)
    return {
        path.relative_to(root).as_posix()
        for path in of
        if any(name in modules or name.startswith(inside) for name in list_imports(root, path))
    }


def core() -> list[Path]:
    return [path for path in sources("ganlab") if "ui" not in path.relative_to(ROOT).parts]


def test_the_walk_sees_all_kinds_of_import(tmp_path: Path) -> None:
    path = tmp_path / "ganlab" / "ui" / "tab.py"
    path.parent.mkdir(parents=True)
    path.write_text(
        "import a.b, c\nfrom d import e\nfrom . import f\nfrom ..g import h\ndef i():\n    import j\n"
    )
    names = set(list_imports(tmp_path, path))
    assert {"a.b", "c", "d", "d.e", "ganlab.ui.f", "ganlab.g", "ganlab.g.h", "j"} <= names
    assert importers("a", of=[path], root=tmp_path) == {"ganlab/ui/tab.py"}
    assert importers("ganlab.u", of=[path], root=tmp_path) == set()


def test_a_circle_is_seen_wherever_it_is_hidden(tmp_path: Path) -> None:
    package = tmp_path / "ganlab"
    (package / "networks").mkdir(parents=True)
    (tmp_path / "train").mkdir()
    (tmp_path / "app.py").write_text("import ganlab\n")
    (package / "__init__.py").write_text("from ganlab.model import load\n")
    (package / "model.py").write_text("from ganlab import networks\n")
    (package / "networks" / "__init__.py").write_text("from ganlab.networks import conv\n")
    (package / "networks" / "conv.py").write_text("from ganlab import latent\n")
    (package / "latent.py").write_text("")
    assert find_circles(build_graph(tmp_path)) == []
    (package / "networks" / "conv.py").write_text("if TYPE_CHECKING:\n    from ganlab.model import Config\n")
    circle = ["ganlab.model", "ganlab.networks", "ganlab.networks.conv"]
    assert find_circles(build_graph(tmp_path)) == [circle]


def test_no_modules_import_each_other() -> None:
    assert find_circles(build_graph(ROOT)) == []


def test_no_tab_imports_a_tab() -> None:
    folder = "ganlab.ui.tabs"
    for module, targets in build_graph(ROOT).items():
        if module.startswith(folder + "."):
            tab = module.removeprefix(folder + ".").split(".")[0]
            others = {name for name in targets if name.startswith(folder)}
            assert all(name.startswith(f"{folder}.{tab}") for name in others), (module, others)


def test_no_module_shadows_a_builtin() -> None:
    names = {path.stem for path in sources("app.py", "ganlab", "train")}
    assert names & set(dir(builtins)) == set()


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


def test_only_three_files_of_the_library_know_pil() -> None:
    assert importers("PIL", of=sources("ganlab")) <= {
        "ganlab/animation.py",
        "ganlab/decoding.py",
        "ganlab/images.py",
    }
    assert importers("cv2", "skimage", "imageio", of=sources("ganlab")) == set()


@pytest.mark.slow
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
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


@pytest.mark.slow
def test_the_library_opens_no_pickle() -> None:
    assert importers("pickle", "dill", "joblib", "shelve", of=sources("ganlab", "app.py")) == set()
    for path in sources("ganlab", "app.py"):
        for name, call in calls(path):
            assert name not in ("torch.load", "torch.save", "pickle.load", "pickle.loads"), name_of(path)
            if name in ("np.load", "numpy.load"):
                assert "allow_pickle=False" in ast.unparse(call), name_of(path)


def test_no_test_starts_a_loop_where_the_browser_may_have_left_one() -> None:
    """`conftest.run_apart` gives it a thread of its own."""
    tests = [path for path in sources("tests") if path.name.startswith("test_")]
    assert len(tests) > 100
    for path in tests:
        assert "asyncio.run" not in {name for name, _ in calls(path)}, name_of(path)


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
    assert {name: n for name, n in measure_files(ROOT, room).items() if n > MAX_LINES} == {}


def test_no_function_is_too_long_to_read() -> None:
    lengths = measure_functions(ROOT, "app.py", "ganlab", "train")
    assert {name: n for name, n in lengths.items() if n > MAX_FUNCTION_LINES} == {}


def list_names(path: Path) -> Iterator[str]:
    """Every name that a file gives to something: variables, arguments, functions, classes, attributes."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name


def test_names_say_what_they_are() -> None:
    """A reader should never have to guess what `found` is: the field has a word for it."""
    vague = {
        name_of(path): sorted(names)
        for path in sources("app.py", "ganlab", "train")
        if (names := VAGUE & set(list_names(path)))
    }
    assert vague == {}


def tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_tracked_file_is_too_large() -> None:
    assert {name_of(path) for path in tracked() if path.stat().st_size > MAX_BYTES} == set()


def test_checkpoints_stay_small_and_hold_data_only() -> None:
    files = [path for path in tracked() if path.is_relative_to(ROOT / "checkpoints")]
    assert sum(path.stat().st_size for path in files) < MAX_CHECKPOINT_BYTES
    allowed = {".json", ".safetensors", ".npz", ".md", ".png", ".jpg", ".webp"}
    assert {name_of(path) for path in files if path.suffix not in allowed} == set()
