"""How one gets a model: data, methods, trainer, measurements, studies, reports."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

# What people type: `python -m train.NAME` runs this file, wherever it lies among the rooms.
COMMANDS = {
    "ablation": "studies/ablation.py",
    "directions": "measure/directions.py",
    "evaluate": "measure/evaluate.py",
    "gallery": "data/gallery.py",
    "inversions": "measure/inversion.py",
    "map": "measure/code_map.py",
    "memorization": "measure/memorization.py",
    "outliers": "measure/outliers/__main__.py",
    "ratios": "studies/ratios.py",
    "readme": "report/results.py",  # its name until it wrote docs/results.md
    "realworld": "measure/realworld/__main__.py",
    "remembering": "measure/memorization.py",  # its name until 0.2
    "rows": "studies/rows.py",
    "split": "studies/split.py",
}


class CommandFinder(MetaPathFinder):
    """Lets `python -m train.NAME` find the commands above; nothing imports them by these names."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, name = fullname.rpartition(".")
        if package != __name__ or name not in COMMANDS:
            return None
        return importlib.util.spec_from_file_location(fullname, Path(__file__).parent / COMMANDS[name])


sys.meta_path.append(CommandFinder())
