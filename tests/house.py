"""python -m tests.house [FOLDER]: the layout of a checkout in figures.

`test_architecture.py` holds the rules. Files are read as text and not run: FOLDER may be a checkout of any
commit.
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("ganlab", "train")


def list_sources(root: Path, *rooms: str, suffixes: tuple[str, ...] = (".py",)) -> list[Path]:
    """All files of `rooms` (folders or files below root) that end in one of `suffixes`, sorted."""
    files: list[Path] = []
    for room in rooms:
        path = root / room
        files += (
            [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.suffix in suffixes)
        )
    return [file for file in files if "node_modules" not in file.parts]


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name_module(root: Path, path: Path) -> str:
    """ganlab/ui/page.py -> ganlab.ui.page; a package is named without __init__."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def list_imports(root: Path, path: Path) -> Iterator[str]:
    """Every module that a file imports anywhere in it; "from a import b" gives both a and a.b."""
    package = list(path.relative_to(root).with_suffix("").parts[:-1])
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def build_graph(root: Path) -> dict[str, set[str]]:
    """Module -> the modules of this checkout that it imports.

    "from package import module" is an arrow to the module, and to the package only for what else it gives.
    """
    files = {name_module(root, path): path for path in list_sources(root, "app.py", *PACKAGES)}
    graph: dict[str, set[str]] = {}
    for name, path in files.items():
        arrows: set[str] = set()
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.Import):
                arrows |= {alias.name for alias in node.names if alias.name in files}
            elif isinstance(node, ast.ImportFrom) and node.module:
                targets = {f"{node.module}.{alias.name}" for alias in node.names}
                arrows |= targets & files.keys()
                if node.module in files and not targets <= files.keys():
                    arrows.add(node.module)
        graph[name] = arrows - {name}
    return graph


def find_circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that import each other, directly or through others (Tarjan 1972), sorted."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    circles: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for target in graph[name]:
            if target not in index:
                visit(target)
                low[name] = min(low[name], low[target])
            elif target in stack:
                low[name] = min(low[name], index[target])
        if low[name] == index[name]:
            group = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(group) > 1:
                circles.append(sorted(group))

    for name in graph:
        if name not in index:
            visit(name)
    return sorted(circles)


def measure_functions(root: Path, *rooms: str) -> dict[str, int]:
    """file:line function -> its lines, decorators aside."""

    def count(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
        return (node.end_lineno or node.lineno) - node.lineno + 1

    return {
        f"{path.relative_to(root).as_posix()}:{node.lineno} {node.name}": count(node)
        for path in list_sources(root, *rooms)
        for node in ast.walk(parse(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def measure_files(root: Path, *rooms: str) -> dict[str, int]:
    """File -> its lines, of Python and JavaScript."""
    return {
        path.relative_to(root).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in list_sources(root, *rooms, suffixes=(".py", ".js"))
    }


def list_rooms(graph: dict[str, set[str]], root: Path) -> dict[tuple[str, str], int]:
    """(room, room) -> number of imports from one to the other; a room is a folder with Python files."""

    def room(module: str) -> str:
        is_folder = (root / module.replace(".", "/")).is_dir()
        return module if is_folder else module.rpartition(".")[0] or module

    arrows: dict[tuple[str, str], int] = {}
    for name, targets in graph.items():
        for target in targets:
            if (pair := (room(name), room(target))) and pair[0] != pair[1]:
                arrows[pair] = arrows.get(pair, 0) + 1
    return arrows


def main(root: Path = ROOT) -> None:
    rooms = ("app.py", *PACKAGES)
    functions, files = measure_functions(root, *rooms), measure_files(root, *rooms)
    graph = build_graph(root)
    circles, arrows = find_circles(graph), list_rooms(graph, root)
    longest = max(functions, key=lambda name: functions[name])
    largest = max(files, key=lambda name: files[name])
    folders = {path.parent for path in list_sources(root, *PACKAGES, suffixes=(".py", ".js"))}
    most = max(folders, key=lambda folder: len([*folder.glob("*.py"), *folder.glob("*.js")]))
    count = len([*most.glob("*.py"), *most.glob("*.js")])
    print(f"functions: {len(functions)}, median {statistics.median(functions.values()):.0f} lines,"
          f" longest {functions[longest]} ({longest})")  # fmt: skip
    print(f"files: {len(files)}, median {statistics.median(files.values()):.0f} lines,"
          f" longest {files[largest]} ({largest})")  # fmt: skip
    print(f"fullest folder: {most.relative_to(root).as_posix()} with {count} files")
    print(f"import circles: {len(circles)}" + "".join(f"\n  {', '.join(circle)}" for circle in circles))
    print(f"arrows between rooms: {len(arrows)}, imports over them: {sum(arrows.values())}")
    print(f"README.md: {len((root / 'README.md').read_text(encoding='utf-8').splitlines())} lines")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT)
