"""The models that visitors may use, loaded on demand and shared read-only between them."""

from __future__ import annotations

import threading
from collections import OrderedDict

from ganlab.config import CheckpointError
from ganlab.explorer import Explorer, load
from ganlab.hub import list_models
from ganlab.model import resolve_device
from ganlab.studio.recipe import Recipe, RecipeError

CAPACITY = 8  # models kept in memory, some 25 MB each; the one unused longest goes first


class Models:
    """Explorers by name. With `anything` false only bundled checkpoints are loaded: a public server
    must not read any folder or fetch any repository that a visitor names."""

    def __init__(self, default: str, device: str = "auto", anything: bool = True) -> None:
        self.default, self.device, self.anything = default, resolve_device(device), anything
        self._loaded: OrderedDict[str, Explorer] = OrderedDict()
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """What the picker offers: the bundled checkpoints, and the one the app was started with."""
        names = list_models()
        return names if self.default in names else [self.default, *names]

    def of_recipe(self, recipe: Recipe) -> str:
        """The name, among those on offer, of the checkpoint that made a recipe."""
        for name in sorted(self.names(), key=lambda name: name != recipe.model):
            if self.get(name).accepts(recipe.fingerprint):
                return name
        raise RecipeError(
            f"This link was made with {recipe.model} ({recipe.fingerprint[:16]}), which this server does not"
            " have; no other checkpoint makes its pictures."
        )

    def get(self, name: str) -> Explorer:
        name = name.strip() if isinstance(name, str) else ""
        if not self.anything and name not in self.names():
            raise CheckpointError(f"This server offers {', '.join(self.names())} only, not {name!r}.")
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = load(name, self.device)
                while len(self._loaded) > CAPACITY:
                    self._loaded.popitem(last=False)
            self._loaded.move_to_end(name)
            return self._loaded[name]
