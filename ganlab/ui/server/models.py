"""The models that visitors may use, loaded on demand and shared read-only between them."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections import OrderedDict
from pathlib import Path
from weakref import WeakValueDictionary

from ganlab import hub
from ganlab.config import CheckpointError, ModelConfig
from ganlab.explorer import Explorer, load
from ganlab.hub import list_models
from ganlab.model import read_config, resolve_device
from ganlab.studio.recipe import Recipe, find_checkpoint
from ganlab.ui.server.downloads import PATIENCE, Downloads

MAX_SUGGESTED = 3  # models named in place of one that cannot do something
MAX_LOADED = 16  # models kept in memory, 25 MB each, 12 more with codes; the least recently used goes first


class Models:
    """Explorers by name, thread-safe.

    With `allow_any` false only bundled checkpoints and the default are loaded: a public server must not read
    any folder or fetch any repository that a visitor names.
    """

    def __init__(
        self, default: str, device: str = "auto", allow_any: bool = True, gallery: Path | None = None
    ) -> None:
        self.gallery = gallery  # a large one, for the default model
        self.default, self.device, self.allow_any = default, resolve_device(device), allow_any
        self._explorers: OrderedDict[str, Explorer] = OrderedDict()  # the most recently used last
        self._loads = 0  # since the start
        self._faults: dict[str, str] = {}  # by name, of models on offer whose last loading failed
        self.notice = ""  # what visitors should know of the default
        self._names: dict[str, str] = {}  # by fingerprint, of all that were loaded
        self._lock = threading.Lock()  # guards the two dictionaries; never held while a model loads
        self._load_locks: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
        self._downloads = Downloads()

    def restrict(self) -> None:
        """From now on, only what is on offer."""
        self.allow_any = False

    def list_names(self) -> list[str]:
        """The models on offer: the bundled checkpoints, and the one the app was started with."""
        names = list_models()
        return names if self.default in names else [self.default, *names]

    def find_name(self, fingerprint: str) -> str:
        """The name of a model that was loaded here, by its fingerprint; "" for another."""
        return self._names.get(fingerprint, "")

    def find_by_recipe(self, recipe: Recipe) -> str:
        """The name, among those on offer, of the checkpoint that made a recipe; RecipeError without one."""
        otherwise = (
            f"This link was made with {recipe.model} ({recipe.fingerprint[:16]}), which this server does"
            " not have; no other checkpoint makes its pictures."
        )
        return find_checkpoint(recipe, self.list_names(), self.get, "link", otherwise)[0]

    def read_config(self, name: str) -> ModelConfig:
        """The description of a model on offer, which is not loaded for that. CheckpointError for a damaged
        one."""
        if name == self.default:  # it may be a Hub id, which is not looked up again
            return self.get(name).config
        return read_config(hub.resolve(name, offline=True), name)[0]

    def find_fault(self, name: str) -> str:
        """What is wrong with a model on offer, as far as its description and its last loading say; else
        empty."""
        if name in self._faults:
            return self._faults[name]
        try:
            self.read_config(name)
        except CheckpointError as error:
            return str(error)
        return ""

    def open_default(self, patience: float = PATIENCE) -> str:
        """Load the default. Where it is broken, or no Hub gives it, the model on offer that is called most
        like it takes its place, and the answer, which `notice` keeps, is the sentence that says so.
        AbsentError for a name that stands for no model, which is mistyped; CheckpointError where no other
        model works."""
        try:
            self.get(self.default, patience)
            return ""
        except hub.AbsentError:
            raise
        except CheckpointError as error:
            broken, reason = self.default, error
        plain = broken.partition("@")[0].rpartition("/")[2]  # without whose it is, or where

        def count_common(name: str) -> int:
            pairs = zip(name, plain, strict=False)
            return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))

        for name in sorted(set(list_models()) - {broken}, key=lambda name: (-count_common(name), name)):
            with contextlib.suppress(CheckpointError):
                self.get(name)
                self.default, self.gallery = name, None  # its codes are of the model that is gone
                self.notice = f"{name} is shown, since {broken} cannot be used: {reason}"
                return self.notice
        raise reason

    def suggest_encoder(self, config: ModelConfig) -> str:
        """Which models on offer have an encoder for the pictures of one that has none, as a sentence; first
        those of its data set. Empty for a model with an encoder, or where there are no others."""
        if "encoder" in config.networks:
            return ""
        fitting = []
        for name in self.list_names():
            with contextlib.suppress(ValueError):
                other = self.read_config(name)
                same = other.image_shape == config.image_shape and other.preparation == config.preparation
                if same and "encoder" in other.networks:
                    fitting.append((other.dataset != config.dataset, other.name))
        names = [name for _, name in sorted(fitting, key=lambda each: each[0])[:MAX_SUGGESTED]]
        return f"Models for the same pictures that have one: {', '.join(names)}." if names else ""

    def get(self, name: str, patience: float = PATIENCE, download: bool = True) -> Explorer:
        """The explorer of a name, folder or Hub id, loaded at its first use; or of a fingerprint, by which a
        page may name a model that it uses. Whoever asks for the same model while it is loaded waits for it;
        others do not. A Hub id that is not here yet is waited for as `Downloads.get` says; without `download`
        the Hub is not asked. CheckpointError for one that is not on offer."""
        name = name.strip() if isinstance(name, str) else ""
        name = self._names.get(name, name)
        if not self.allow_any and name not in (names := self.list_names()):
            raise CheckpointError(f"This server offers {', '.join(names)} only, not {name!r}.")
        with self._lock:
            if (explorer := self._look_up(name)) is not None:
                return explorer
        source = str(self._downloads.get(name, patience, not download)) if hub.is_hub_id(name) else name
        with self._lock:
            loading = self._load_locks.setdefault(name, threading.Lock())
        with loading:
            with self._lock:
                if (explorer := self._look_up(name)) is not None:  # loaded while this thread waited
                    return explorer
            try:
                gallery = self.gallery if name == self.default else None
                explorer = load(source, self.device, gallery=gallery)
            except CheckpointError as error:
                self._downloads.forget(name)
                if name in self.list_names():
                    self._faults[name] = str(error)
                raise
            with self._lock:
                self._loads += 1
                self._faults.pop(name, None)
                self._explorers[name] = explorer
                self._names[explorer.fingerprint] = name
                while len(self._explorers) > MAX_LOADED:
                    self._explorers.popitem(last=False)
        return explorer

    def count_loaded(self) -> tuple[int, int]:
        """How many models are in memory, and how many were loaded since the start."""
        with self._lock:
            return len(self._explorers), self._loads

    def _look_up(self, name: str) -> Explorer | None:
        if name in self._explorers:
            self._explorers.move_to_end(name)
        return self._explorers.get(name)
