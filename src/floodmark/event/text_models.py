"""An embedding model that the user supplies, for families of paraphrases and translations. Floodmark ships none.

A case file names an installed entry point of the group `floodmark.text_models`; nothing in a case file is run as code.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from floodmark.config import CaseConfig
from floodmark.errors import UsageError

GROUP: Final = "floodmark.text_models"


class TextModel(Protocol):
    """What a model must do: the same texts give the same vectors, texts of one meaning vectors that point one way."""

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return one row a text, in order; the texts are as posted."""
        ...


def load_model(config: CaseConfig) -> TextModel | None:
    """Return the model that the case file names, None where it names none.

    The entry point is called with the folder of the model (`narratives.folder`, relative to the case file, or None).
    Raises UsageError when no such entry point is installed, or the folder is missing.
    """
    if config.narratives is None:
        return None
    name, folder = config.narratives.model, None
    if config.narratives.folder is not None:
        folder = config.source.parent / config.narratives.folder
        if not folder.is_dir():
            raise UsageError(
                f"{config.source.name}: field `narratives.folder`: there is no folder {config.narratives.folder!r};"
                " correct the path, which is relative to the case file"
            )
    known = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in known:
        raise UsageError(
            f"{config.source.name}: field `narratives.model`: no installed package offers a model {name!r} (entry"
            f" points of the group {GROUP}); known: {', '.join(sorted(known)) or 'none'}"
        )
    return make_model(known[name].load(), folder)


def make_model(factory: object, folder: Path | None) -> TextModel:
    """Call a model's factory; UsageError when it cannot be called or gives something without `embed`."""
    if not callable(factory):
        raise UsageError(f"field `narratives.model`: {factory!r} cannot be called; it must return the model")
    model = factory(folder)
    if not callable(getattr(model, "embed", None)):
        raise UsageError("field `narratives.model`: what it returns has no method embed(texts)")
    made: TextModel = model
    return made


def vectors(model: TextModel, texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Return the model's vectors, checked; UsageError for another number of rows or values that are not finite."""
    found = np.asarray(model.embed(list(texts)), dtype=np.float32)
    if found.ndim != 2 or len(found) != len(texts) or not np.isfinite(found).all():
        raise UsageError(
            f"field `narratives.model`: it returned an array of shape {found.shape} for {len(texts)} texts; it must"
            " return one row of finite numbers a text"
        )
    return found
