"""Is this machine fit to run a study? Versions, processors, and one small training from end to end."""

import importlib.metadata
import os
import platform
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import etalon
from etalon.locales import _, percent, seconds
from etalon.study.executors import cores

LIBRARIES = ("keras", "torch", "numpy", "scikit-learn", "matplotlib", "typst")


@dataclass(frozen=True)
class Examination:
    """What was found, and what is wrong."""

    facts: dict[str, str]
    problems: tuple[str, ...]

    @property
    def healthy(self) -> bool:
        """Whether a study can run here."""
        return not self.problems

    def __str__(self) -> str:
        width = max(map(len, self.facts))
        lines = [f"{name:{width}}  {value}" for name, value in self.facts.items()]
        return "\n".join([*lines, *self.problems, *([_("All is well.")] if self.healthy else [])])

    def to_json(self) -> dict[str, Any]:
        """Facts and problems."""
        return {"healthy": self.healthy, "facts": self.facts, "problems": list(self.problems)}


def examine() -> Examination:
    """Look at the machine, and train a small network on scikit-learn's digits."""
    facts = {"etalon": etalon.__version__, **{name: importlib.metadata.version(name) for name in LIBRARIES}}
    facts["python"] = platform.python_version()
    facts[_("cores")] = str(cores())
    facts["KERAS_BACKEND"] = os.environ.get("KERAS_BACKEND", "")
    facts["ETALON_DATA"] = os.environ.get("ETALON_DATA", _("not set"))
    started = time.perf_counter()
    try:
        accuracy = _small_training()
    except Exception as error:
        return Examination(facts, (f"{type(error).__name__}: {error}",))
    facts[_("a small training")] = _("{time}, validation accuracy {accuracy}").format(
        time=seconds(time.perf_counter() - started), accuracy=percent(accuracy)
    )
    problems = () if accuracy > 0.5 else (_("The small training did not learn: something is wrong with torch."),)
    return Examination(facts, problems)


def _small_training() -> float:
    from etalon.study.database import OWN
    from etalon.workbench import Study

    def dense() -> Any:
        from keras import Input, Sequential, layers

        return Sequential([Input((8, 8, 1)), layers.Flatten(), layers.Dense(10, activation="softmax")])

    with tempfile.TemporaryDirectory(prefix="etalon-doctor-") as folder:
        Path(folder, OWN).touch()  # its own database, even where ETALON_DATABASE names another
        study = Study("doctor", data="digits", seeds=1, epochs=8, store=folder, learning_rate=0.01)
        study.reference(dense)
        return float(study.run(progress=False)["dense"].runs[0].validation_accuracy)
