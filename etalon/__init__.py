"""Étalon: which of your ideas really made an image classifier better.

The public names, imported when they are first used. Models are described with Keras and trained by torch: unless the
user has chosen otherwise, Keras is told to run on torch too.
"""

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from etalon.analysis.design import Auto
    from etalon.crossvalidated import label_errors
    from etalon.data.audit import audit
    from etalon.data.augmentation import Brightness, Contrast, Cutout, Flip, Noise, Rotation, Shear, Shift, Zoom
    from etalon.data.dataset import Dataset
    from etalon.data.load import load
    from etalon.data.splits import Fixed, HoldOut, KFold
    from etalon.errors import EtalonError
    from etalon.models.bundle import load_bundle
    from etalon.models.lower import lower
    from etalon.models.weights import weights
    from etalon.opening import open_study
    from etalon.result import Result
    from etalon.study.run import Run
    from etalon.study.search import search
    from etalon.study.space import Between
    from etalon.study.store import Store
    from etalon.study.variant import MoreThanOneFactor
    from etalon.train.recipe import EarlyStopping, Recipe
    from etalon.train.updates import smallest_batch
    from etalon.workbench import Study

__version__ = "0.1.0"

__all__ = [
    "Auto",
    "Between",
    "Brightness",
    "Contrast",
    "Cutout",
    "Dataset",
    "EarlyStopping",
    "EtalonError",
    "Fixed",
    "Flip",
    "HoldOut",
    "KFold",
    "MoreThanOneFactor",
    "Noise",
    "Recipe",
    "Result",
    "Rotation",
    "Run",
    "Shear",
    "Shift",
    "Store",
    "Study",
    "Zoom",
    "__version__",
    "audit",
    "label_errors",
    "load",
    "load_bundle",
    "lower",
    "open_study",
    "search",
    "smallest_batch",
    "weights",
]

_NAMES = {  # where each public name is defined
    "analysis.design": "Auto",
    "crossvalidated": "label_errors",
    "data.audit": "audit",
    "data.augmentation": "Brightness Contrast Cutout Flip Noise Rotation Shear Shift Zoom",
    "data.dataset": "Dataset",
    "data.load": "load",
    "data.splits": "Fixed HoldOut KFold",
    "errors": "EtalonError",
    "models.bundle": "load_bundle",
    "models.lower": "lower",
    "models.weights": "weights",
    "opening": "open_study",
    "result": "Result",
    "study.run": "Run",
    "study.search": "search",
    "study.space": "Between",
    "study.store": "Store",
    "study.variant": "MoreThanOneFactor",
    "train.recipe": "EarlyStopping Recipe",
    "train.updates": "smallest_batch",
    "workbench": "Study",
}
_MODULES = {name: f"etalon.{module}" for module, names in _NAMES.items() for name in names.split()}

os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault(
    "KERAS_TORCH_DEVICE", "cpu"
)  # where models are built; `etalon.train.device` says where they train


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'etalon' has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return __all__
