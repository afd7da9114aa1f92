"""How one gets a model: data, methods, trainer, measurements, studies, reports."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

# What people type: `python -m train.NAME` runs this file of a subpackage.
COMMANDS = {
    "ablation": "studies/ablation.py",
    "evaluate": "measure/evaluate.py",
    "gallery": "data/gallery.py",
    "latent_maps": "studies/latent_maps.py",
    "lost": "studies/lost.py",
    "overhead": "watch/overhead.py",
    "parallel_check": "studies/parallel_check.py",
    "ratios": "studies/ratios.py",
    "report": "report/__main__.py",
    "rows": "studies/rows.py",
    "search_bench": "measure/search_bench.py",
    "shards": "data/shards.py",
    "sheets": "report/sheets.py",
    "split": "studies/split.py",
    "stages": "studies/stages.py",
    "streaming": "studies/streaming.py",
}
# The measurements that have a command each, and the files that declare them; one file runs them all.
MEASUREMENTS = {
    "directions": "measure/directions.py",
    "inversions": "measure/inversion.py",
    "light": "measure/light.py",
    "map": "measure/code_map.py",
    "memorization": "measure/memorization.py",
    "outliers": "measure/outliers/measure.py",
    "realworld": "measure/realworld/measure.py",
}
MEASURE = "measure/command.py"
# Earlier names of commands, which go on working.
OLD_COMMANDS = {"readme": "report", "remembering": "memorization"}


class CommandFinder(MetaPathFinder):
    """Lets `python -m train.NAME` find the commands above; nothing imports them by these names."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, name = fullname.rpartition(".")
        name = OLD_COMMANDS.get(name, name)
        file = MEASURE if name in MEASUREMENTS else COMMANDS.get(name)
        if package != __name__ or file is None:
            return None
        return importlib.util.spec_from_file_location(fullname, Path(__file__).parent / file)


sys.meta_path.append(CommandFinder())
