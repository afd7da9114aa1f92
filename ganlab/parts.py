"""What stands beside a model's networks and is read when it is first needed: examples, judge, gallery.

A damaged one is as good as none, and says what is wrong with it; the model works without it.
"""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path

import torch

from ganlab.config import CheckpointError
from ganlab.gallery import Gallery, explain_absence, load_test_pictures
from ganlab.judge import Judge
from ganlab.large.gallery import LargeGallery, find_folder
from ganlab.model import LatentModel
from ganlab.pictures import Pictures


class Parts:
    """The parts of one model. Immutable, so that threads may share it."""

    def __init__(self, model: LatentModel, device: torch.device) -> None:
        self.model, self.device = model, device

    @functools.cached_property
    def _examples(self) -> tuple[Pictures | None, str]:
        try:
            pictures = load_test_pictures(self.model, stand_ins=True)
        except CheckpointError as error:
            return None, str(error)
        if pictures is not None and pictures.pixels.shape[1:] != self.model.config.image_shape:
            return None, "The test pictures of its gallery have another shape than the model's."
        return pictures, ""

    @functools.cached_property
    @torch.inference_mode(False)  # whoever asks first: gradients may have to pass through it later
    def _judge(self) -> tuple[Judge | None, str]:
        config = self.model.config
        try:
            judge = Judge.load(config.dataset, self.device)
        except CheckpointError as error:
            return None, str(error)
        return (judge if judge is not None and judge.config.image_shape == config.image_shape else None), ""

    @property
    def examples(self) -> Pictures | None:
        """Held-out pictures of the data set, or what stands in for them (`Pictures.kind`), or None."""
        return self._examples[0]

    @property
    def judge(self) -> Judge | None:
        """The classifier of the model's data set, or None where there is none for its pictures."""
        return self._judge[0]

    def list_faults(self) -> list[str]:
        """What is wrong with damaged parts, a sentence each."""
        return [reason for reason in (self._examples[1], self._judge[1]) if reason]

    def explain_missing_examples(self) -> str:
        """Why there are no examples; it follows a colon."""
        return self._examples[1].removesuffix(".") or explain_absence(self.model)

    def explain_missing_judge(self) -> str:
        """Why there is no judge, in a sentence."""
        return self._judge[1] or "There is no classifier for this data set."


def load_gallery(
    model: LatentModel, stand_ins: bool, path: Path | None = None
) -> tuple[LatentModel, Gallery | None]:
    """The model with its gallery; with none where its files are damaged, and then `LatentModel.broken` says
    why. `path` names a large gallery in its place; ValueError where that is damaged, or not the model's."""
    try:
        folder = find_folder(model, path)
        return model, LargeGallery.open(model, folder) if folder else Gallery.load(model, stand_ins)
    except CheckpointError as error:
        if path is not None:
            raise
        return dataclasses.replace(model, broken=str(error)), None
