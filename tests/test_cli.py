"""The command line: each verb, its exit status, what goes to standard output and what goes to standard error."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image
from typer.main import get_command

from etalon import Study, load
from etalon.cli import app, main
from etalon.data.dataset import Dataset
from etalon.report.blocks import Document
from etalon.study.store import Store
from etalon.study.summary import summary

STUDY = """
import etalon
from keras import Input, Sequential, layers

study = etalon.Study({title!r}, data={data!r}, seeds=2, epochs=2, batch_size=48, learning_rate=0.01)


@study.reference
def reference(neurons=4):
    stack = [Input((8, 8, 1)), layers.Flatten(), layers.Dense(neurons, activation="relu")]
    return Sequential([*stack, layers.Dense(3, activation="softmax")])


@study.variant(because={because!r}, neurons=12)
def wide(neurons):
    return reference(neurons)
"""
VERBS = [
    "init",
    "lessons",
    "lessons open",
    "lessons site",
    "data show",
    "data audit",
    "run",
    "search",
    "list",
    "show",
    "compare",
    "report",
    "export",
    "predict",
    "ui",
    "doctor",
]


def sketch(document: Document, path: Path, **_options: object) -> Path:
    """The report without its figures, which take seconds to draw and have their own tests."""
    path.write_text(f'<html lang="{document.lang}">', encoding="utf-8")
    return path


class Done(NamedTuple):
    """What a command gave."""

    status: object
    out: str
    err: str


Etalon = Callable[..., Done]


@pytest.fixture
def etalon(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> Etalon:
    """Call the command line as a shell would, in a folder where nothing is."""
    monkeypatch.chdir(tmp_path_factory.mktemp("here"))

    def call(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["etalon", *map(str, arguments)])
        capsys.readouterr()
        status: object = 0
        try:
            main()
        except SystemExit as end:
            status = end.code
        return Done(status, *capsys.readouterr())

    return call


@pytest.fixture
def _sketched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("etalon.report.render.render", sketch)


@pytest.fixture(scope="module")
def folder(blobs: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study in a file, its data beside it, and its store once run."""
    folder = tmp_path_factory.mktemp("study")
    parts: dict[str, Any] = {"x_train": blobs.train.x, "y_train": blobs.train.y}
    parts |= {"x_test": blobs.test.x, "y_test": blobs.test.y}
    np.savez(folder / "blobs.npz", **parts)
    texts = {"title": {"en": "Three blobs", "fr": "Trois taches"}, "because": "four are few"}
    (folder / "blob_study.py").write_text(STUDY.format(data=str(folder / "blobs.npz"), **texts), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def trained(folder: Path) -> Path:
    """The store, with the study trained and its test part still sealed."""
    from etalon.opening import open_study

    open_study(folder / "blob_study.py").with_(store=folder / "store").run(workers=0, progress=False)
    return folder / "store"


class TestMain:
    """What holds for every verb."""

    def test_the_verbs(self) -> None:
        commands = get_command(app).commands  # type: ignore[attr-defined]
        groups = {name: command.commands for name, command in commands.items() if hasattr(command, "commands")}
        found = [f"{group} {name}" for group, verbs in groups.items() for name in verbs]
        found += [name for name in commands if name != "data"]
        assert sorted(found) == sorted(VERBS)

    @pytest.mark.parametrize("verb", ["", "data", *VERBS])
    def test_help(self, verb: str, etalon: Etalon) -> None:
        done = etalon(*verb.split(), "--help")
        assert (done.status, done.err) == (0, "")
        assert f"Usage: etalon {verb}".rstrip() in done.out
        if verb and verb != "data":
            assert "--lang" in done.out
            written = ("init", "report", "export", "ui", "lessons open", "lessons site")
            assert ("--json" in done.out) == (verb not in written)
        if verb in ("run", "list", "show", "compare", "report", "export", "ui"):
            assert "--store" in done.out

    def test_looking_into_a_store_loads_no_torch(self, trained: Path) -> None:
        code = f"""
import sys
import etalon.study.answers
from etalon.cli import main
sys.argv = ["etalon", "list", "--store", {str(trained)!r}]
try:
    main()
finally:
    heavy = ("torch", "keras", "scipy", "sklearn", "pandas")
    print([name for name in heavy if name in sys.modules], file=sys.stderr)
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stderr.strip() == "[]"

    def test_help_loads_nothing_heavy(self) -> None:
        heavy = "torch keras numpy matplotlib pandas sqlalchemy pydantic"
        code = f"""
import sys
sys.argv = ["etalon", "--help"]
from etalon.cli import main
try:
    main()
finally:
    print([name for name in {heavy.split()!r} if name in sys.modules], file=sys.stderr)
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stderr.strip() == "[]"
        assert "Usage: etalon" in done.stdout

    @pytest.mark.parametrize(
        "arguments",
        [
            ["fly"],
            ["run"],
            ["run", "study.py", "--seeds", "0"],
            ["run", "study.py", "--workers", "-1"],
            ["run", "study.py", "--epochs", "many"],
            ["run", "study.py", "--unknown"],
            ["list", "--lang", "de"],
            ["compare", "study.py"],
            ["compare", "study.py", "one"],
            ["compare", "study.py", "one", "two", "--all"],
            ["export", "study.py"],
        ],
        ids=" ".join,
    )
    def test_misuse(self, arguments: list[str], etalon: Etalon) -> None:
        done = etalon(*arguments)
        assert (done.status, done.out) == (2, "")
        assert "Traceback" not in done.err
        assert "Usage: etalon" in done.err

    @pytest.mark.parametrize("verb", ["", "data", *VERBS])
    def test_help_in_french(self, verb: str, etalon: Etalon, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ETALON_LANG", "fr")
        done = etalon(*verb.split(), "--help")
        assert (done.status, done.err) == (0, "")
        assert done.out.startswith(f"Usage\xa0: etalon {verb}".rstrip())
        assert re.findall(r"\b(?:Options:|Commands|Show|required|default|[Tt]he|[Ww]rite|images of)\b", done.out) == []

    @pytest.mark.parametrize(
        ("arguments", "english", "french"),
        [
            (["fly"], "there is no verb fly.", "il n’y a pas de verbe fly."),
            (["rnu"], "there is no verb rnu; see", "il n’y a pas de verbe rnu\xa0; voyez"),
            (["run"], "STUDY.py is missing.", "il manque STUDY.py."),
            (["export", "study.py"], "--to is missing.", "il manque --to."),
            (["run", "study.py", "--seeds", "0"], "--seeds: '0' is neither", "--seeds\xa0: '0' n’est ni"),
            (["run", "study.py", "--workers", "-1"], "--workers: at least 0", "--workers\xa0: il en faut au moins 0."),
            (["run", "study.py", "--epochs", "many"], "a whole number", "un nombre entier est attendu."),
            (["run", "study.py", "--epochs"], "--epochs needs a value", "l’option --epochs demande une valeur."),
            (["run", "study.py", "--quick=3"], "--quick takes no value", "l’option --quick ne prend pas de valeur."),
            (
                ["run", "study.py", "--seed", "3"],
                "--seed; see --sealed, --seeds",
                "d’option --seed\xa0; voyez --sealed",
            ),
            (["run", "study.py", "--nothing"], "there is no option --nothing.", "il n’y a pas d’option --nothing."),
            (["run", "study.py", "other"], "nothing is expected after this: other.", "rien n’est attendu de plus"),
            (["list", "--json", "-", "--lang", "de"], "--lang: one of 'en', 'fr'", "une valeur parmi 'en', 'fr'"),
            (["compare", "study.py"], "name two variants, or ask for --all.", "nommez deux variantes"),
        ],
        ids=str,
    )
    def test_misuse_is_told_in_both_languages(
        self, arguments: list[str], english: str, french: str, etalon: Etalon, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for lang, told in (("en", english), ("fr", french)):
            monkeypatch.setenv("ETALON_LANG", lang)
            done = etalon(*arguments)
            assert (done.status, done.out) == (2, "")
            assert told in done.err.splitlines()[-1]

    def test_help_in_the_language_that_is_asked_for(self, etalon: Etalon) -> None:
        assert etalon("list", "--lang", "fr", "--help").out.startswith("Usage\xa0: etalon list")
        assert etalon("list", "--help", "--lang=fr").out.startswith("Usage\xa0: etalon list")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (None, "study_file.py: there is no such file. Give the path of a study; `etalon init` writes one.\n"),
            ("x = 1", "study_file.py: it makes 0 studies. Let the file make one etalon.Study.\n"),
            ("def (", "study_file.py: SyntaxError at line 1: invalid syntax. Correct the file.\n"),
            ("import etalon\netalon.Study('a', epoch=1)", "epoch given to a study: neither an argument of Study nor"),
        ],
    )
    def test_a_study_that_cannot_be_read(self, text: str | None, message: str, etalon: Etalon) -> None:
        if text is not None:
            Path("study_file.py").write_text(text)
        done = etalon("run", "study_file.py")
        assert (done.status, done.out) == (1, "")
        assert done.err.startswith(message)

    def test_a_place_where_nothing_can_be_written(self, etalon: Etalon, trained: Path) -> None:
        done = etalon("list", "--store", trained, "--json", "no/such/folder/list.json")
        assert (done.status, done.err) == (1, "no/such/folder/list.json: No such file or directory\n")

    def test_a_fault_of_ours_is_not_hidden(self, etalon: Etalon, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("etalon.doctor.examine", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            etalon("doctor")


class TestInit:
    """A first study."""

    @pytest.mark.parametrize("lang", ["en", "fr"])
    def test_it_runs_as_it_is(self, lang: str, etalon: Etalon, monkeypatch: pytest.MonkeyPatch) -> None:
        if lang == "en":  # one report from end to end is enough
            monkeypatch.setattr("etalon.report.render.render", sketch)
        done = etalon("init", f"first_{lang}.py", "--lang", lang)
        assert done == (0, f"first_{lang}.py\n  etalon run first_{lang}.py\n", "")
        options = ["--seeds", 1, "--epochs", 1, "--workers", 0, "--store", "store", "--report", "report.html"]
        done = etalon("run", f"first_{lang}.py", *options, "--lang", lang)
        assert done.status == 0, done.err
        assert {"en": "Test accuracy", "fr": "wider"}[lang] in done.out
        assert f'lang="{lang}"' in Path("report.html").read_text(encoding="utf-8")

    def test_it_overwrites_nothing(self, etalon: Etalon) -> None:
        Path("study.py").write_text("precious")
        done = etalon("init")
        assert (done.status, done.err) == (1, "study.py: it exists already. Give another name.\n")
        assert Path("study.py").read_text() == "precious"

    def test_nowhere(self, etalon: Etalon) -> None:
        assert etalon("init", "no/such/folder/study.py").status == 1


class TestData:
    """Looking at images."""

    def test_show(self, etalon: Etalon, folder: Path) -> None:
        done = etalon("data", "show", folder / "blobs.npz", "-n", 4)
        assert (done.status, done.err) == (0, "blobs-4.png\n")
        assert "(300, 8, 8, 1)" in done.out
        with Image.open("blobs-4.png") as image:
            assert image.format == "PNG"

    def test_show_as_json(self, etalon: Etalon, folder: Path) -> None:
        done = etalon("data", "show", folder / "blobs.npz", "--json", "-", "--to", "first.png", "--size", 6)
        found = json.loads(done.out)
        assert (found["train_shape"], found["train_counts"]) == ([300, 6, 6, 1], [100, 100, 100])
        assert Path("first.png").exists()

    def test_audit(self, etalon: Etalon, folder: Path) -> None:
        assert "No constant image and no duplicate." in etalon("data", "audit", folder / "blobs.npz").out
        assert json.loads(etalon("data", "audit", folder / "blobs.npz", "--json", "-").out)["duplicates"] == []

    def test_audit_of_labels_with_its_report(self, etalon: Etalon, folder: Path, tmp_path: Path) -> None:
        arguments = ["data", "audit", folder / "blobs.npz", "--labels", "--folds", 2, "--epochs", 4]
        arguments += ["--store", tmp_path / "store", "--report", "audit.html"]
        done = etalon(*arguments)
        assert done.status == 0, done.err
        assert "test: the networks find" in done.out
        assert done.out.endswith("audit.html\n")
        assert "Labels that are contradicted" in Path("audit.html").read_text(encoding="utf-8")
        told = json.loads(etalon(*arguments, "--json", "-").out)
        assert set(told["labels"]["agreement"]) == {"train", "test"}

    def test_no_notebook_of_an_audit(self, etalon: Etalon, folder: Path) -> None:
        done = etalon("data", "audit", folder / "blobs.npz", "--report", "audit.ipynb")
        assert (done.status, done.out) == (1, "")
        assert "End the name with one of .html, .pdf." in done.err

    def test_unknown_data(self, etalon: Etalon) -> None:
        done = etalon("data", "show", "no_such_set")
        assert (done.status, done.out) == (1, "")
        assert done.err.startswith("'no_such_set': ")
        assert not list(Path().iterdir())

    def test_etalon_data(self, etalon: Etalon, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "mnist").mkdir()
        for kind in ("images-idx3", "labels-idx1"):
            for part in ("train", "t10k"):
                (tmp_path / "mnist" / f"{part}-{kind}-ubyte").write_bytes(b"something else")
        monkeypatch.setenv("ETALON_DATA", str(tmp_path))
        done = etalon("data", "audit", "mnist")
        assert done.status == 1
        assert done.err.startswith(f"{tmp_path}/mnist/")
        assert "its content is not what was published" in done.err


class TestRun:
    """Training, and what it prints."""

    @pytest.mark.usefixtures("_sketched")
    def test_from_nothing_to_the_report(self, etalon: Etalon, folder: Path, tmp_path: Path) -> None:
        arguments = ["run", folder / "blob_study.py", "--workers", 0, "--store", tmp_path / "store"]
        done = etalon(*arguments, "--seeds", 1, "--json", "results.json")
        assert done.status == 0, done.err
        report = tmp_path / "store" / "reports" / "blob_study-blobs.en.html"
        assert done.out.endswith(f"{report}\n")
        assert report.exists()
        assert "Test accuracy" in done.out
        made, first, *_ = done.err.splitlines()
        assert made == f"A new store is made: {tmp_path / 'store'}"
        assert first.startswith("[1/2] reference, seed 0: validation accuracy")
        found = json.loads(Path("results.json").read_text(encoding="utf-8"))
        assert found["trials"] == {"trained": 2, "cached": 0, "failed": 0}
        assert found["report"] == str(report)
        assert found["variants"][0]["accuracy"].keys() == {"validation", "test"}

        done = etalon(*arguments, "--json", "-", "--report", "mine.html", "--lang", "fr")
        assert done.status == 0, done.err
        found = json.loads(done.out)
        assert found["trials"] == {"trained": 2, "cached": 2, "failed": 0}
        assert (found["study"], found["report"]) == ("Trois taches", "mine.html")
        assert done.err.splitlines()[-1] == "mine.html"
        assert 'lang="fr"' in Path("mine.html").read_text(encoding="utf-8")

    def test_sealed(self, etalon: Etalon, folder: Path, tmp_path: Path) -> None:
        options = ["--workers", 0, "--seeds", 1, "--store", tmp_path / "store", "--sealed", "--json", "-"]
        found = json.loads(etalon("run", folder / "blob_study.py", *options).out)
        assert found["variants"][0]["accuracy"].keys() == {"validation"}
        assert not (tmp_path / "store" / "reports").exists()
        assert Store(tmp_path / "store").openings(found["data"]["test_digest"]) == []

    @pytest.mark.usefixtures("_sketched")
    def test_other_data_and_epochs(self, etalon: Etalon, folder: Path, tmp_path: Path) -> None:
        other = tmp_path / "others.npz"
        with np.load(folder / "blobs.npz") as arrays:
            np.savez(other, **{name: array[:120] for name, array in arrays.items()})
        options = ["--workers", 0, "--seeds", 1, "--epochs", 1, "--data", other, "--store", tmp_path / "store"]
        done = etalon("run", folder / "blob_study.py", *options, "--json", "-", "--report", "a.html")
        assert json.loads(done.out)["data"]["name"] == "others"
        (key, *_), *_ = (line["keys"] for line in summary(Store(tmp_path / "store")).to_json())
        assert len(Store(tmp_path / "store").load(key).history["loss"]) == 1

    @pytest.mark.filterwarnings("default::UserWarning")
    def test_warnings_and_errors_are_lines(self, etalon: Etalon, folder: Path) -> None:
        text = (folder / "blob_study.py").read_text(encoding="utf-8")
        Path("doubtful.py").write_text(text.replace("neurons=12", "neurons=12, epochs=1"), encoding="utf-8")
        done = etalon("run", "doubtful.py", "--workers", 0, "--seeds", 1, "--report", "report.docx", "--store", "store")
        assert (done.status, done.out) == (1, "")
        lines = done.err.splitlines()
        assert lines[0].startswith("variant 'wide' differs from the reference in 2 things (")
        assert lines[-1].startswith("report.docx: no report is written in this format")
        assert not any("Traceback" in line or "warnings.warn" in line for line in lines)

    @pytest.mark.usefixtures("_sketched")
    @pytest.mark.filterwarnings("default::UserWarning")
    def test_again_with_nothing_changed(
        self, etalon: Etalon, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        text = (folder / "blob_study.py").read_text(encoding="utf-8")
        study = tmp_path / "again.py"
        study.write_text(text.replace("neurons=12", "neurons=12, epochs=1"), encoding="utf-8")
        arguments = ["run", study, "--seeds", 1, "--workers", 0, "--store", tmp_path / "store"]
        first = etalon(*arguments, "--json", "first.json")
        report = tmp_path / "store" / "reports" / "again-blobs.en.html"
        written = report.read_bytes()
        report.unlink()
        with monkeypatch.context() as patch:
            patch.setattr("etalon.opening.open_study", lambda _: pytest.fail("the study was run"))
            again = etalon(*arguments, "--json", "again.json")
        assert (again.status, again.out) == (0, first.out)
        assert report.read_bytes() == written
        told = [line for line in first.err.splitlines() if "validation accuracy" not in line]
        warned = [line for line in told if "A new store" not in line]
        assert warned[0].startswith("variant 'wide' differs from the reference in 2 things (")
        assert again.err.splitlines() == warned
        found = json.loads(Path("first.json").read_text(encoding="utf-8"))
        assert found["trials"] == {"trained": 2, "cached": 0, "failed": 0}
        found["trials"] = {"trained": 0, "cached": 2, "failed": 0}
        assert json.loads(Path("again.json").read_text(encoding="utf-8")) == found

        study.write_text(text, encoding="utf-8")
        changed = etalon(*arguments, "--sealed", "--json", "-")
        assert json.loads(changed.out)["trials"] == {"trained": 1, "cached": 1, "failed": 0}

    def test_interrupted(self, etalon: Etalon, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupt(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(Study, "run", interrupt)
        done = etalon("run", folder / "blob_study.py")
        assert (done.status, done.out) == (1, "")
        assert done.err == "Interrupted. Finished trials are kept; run the same command to go on.\n"


class TestLooking:
    """What needs a study that was run, and trains nothing."""

    def test_list(self, etalon: Etalon, trained: Path) -> None:
        done = etalon("list", "--store", trained)
        assert (done.status, done.err) == (0, "")
        lines = done.out.splitlines()
        assert lines[0] in ("Three blobs", "Trois taches")
        assert [line.split(",")[0].split() for line in lines[1:]] == [["reference", "2", "done"], ["wide", "2", "done"]]

    def test_list_then_show(self, etalon: Etalon, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ETALON_STORE", str(trained))
        (reference, wide) = json.loads(etalon("list", "--json", "-").out)
        assert (wide["variant"], wide["done"], wide["failed"], len(wide["keys"])) == ("wide", 2, 0, 2)
        done = etalon("show", reference["keys"][0][:12])
        assert (done.status, "array" in done.out, reference["keys"][0] in done.out) == (0, False, True)
        found = json.loads(etalon("show", reference["keys"][0], "--json", "-").out)
        assert (found["variant"], len(found["history"]["val_loss"])) == ("reference", 2)
        assert etalon("show", "nothing").err.startswith("key 'nothing': no finished trial has such a key")
        assert found["recipe"]["epochs"] == 2
        assert found["split"]["kind"] == "HoldOut"

    def test_show_by_the_name_of_a_variant(self, etalon: Etalon, trained: Path) -> None:
        done = etalon("show", "wide", 0, "--store", trained)
        title, _key, *_epochs, recipe, model, split = done.out.splitlines()
        assert title.endswith("· wide · 0")
        assert recipe.startswith("Trained with: adam (learning rate 0.01), ")
        assert "epochs 2" in recipe
        assert model.endswith(" weights, blobs")
        assert split.startswith("20% of the training images are kept for validation")
        assert etalon("show", "wide", 9, "--store", trained).err.startswith("seed 9 of wide: it has no finished run")
        assert "The nearest: wide." in etalon("show", "wyde", "--store", trained).err

    @pytest.mark.parametrize("verb", [["list"], ["show", "abc"]], ids=" ".join)
    @pytest.mark.parametrize("there", [True, False], ids=["an empty folder", "nothing"])
    def test_a_store_that_is_not_there_is_not_made(self, there: bool, verb: list[str], etalon: Etalon) -> None:
        if there:
            Path("etalon-store").mkdir()
        done = etalon(*verb)
        assert (done.status, done.out) == (1, "")
        assert done.err == "etalon-store: there is no store there. Run a study first, or give another --store.\n"
        assert len(list(Path().rglob("*"))) == there

    def test_compare(self, etalon: Etalon, folder: Path, trained: Path) -> None:
        arguments = ["compare", folder / "blob_study.py", "reference", "wide", "--store", trained]
        done = etalon(*arguments)
        assert (done.status, done.err) == (0, "")
        heading, line, *_ = done.out.splitlines()
        assert re.fullmatch(
            r"wide compared with reference, on \d+ validation images, 2 seeds: difference of accuracy, in points, .*",
            heading,
        )
        assert line.startswith("wide  ")
        assert "Verdict(" not in done.out
        ledger = Store(trained).openings
        digest = load(folder / "blobs.npz").test_digest
        assert ledger(digest) == []
        found = json.loads(etalon(*arguments, "--test", "--json", "-").out)
        assert [verdict["variant"] for verdict in found["verdicts"]] == ["wide"]
        assert len(ledger(digest)) == 1
        assert " test images, " in etalon(*arguments, "--test").out.splitlines()[0]
        told = etalon(*arguments[:3], "wid", "--store", trained).err
        assert told == (
            "variant 'wid': the study has no variant of this name. The nearest: wide. There are reference, wide.\n"
        )

    def test_compare_every_two(self, etalon: Etalon, folder: Path, trained: Path) -> None:
        arguments = ["compare", folder / "blob_study.py", "--all", "--store", trained, "--json", "-"]
        found = json.loads(etalon(*arguments, "--metric", "log_loss").out)
        assert (found["metric"], found["rope"]) == ("log_loss", 0.01)
        assert [verdict["variant"] for verdict in found["verdicts"]] == ["wide - reference"]

    @pytest.mark.parametrize(
        "verb", [["compare", "reference", "wide"], ["report"], ["export", "--to", "bundle"]], ids=str
    )
    def test_what_was_not_trained(self, verb: list[str], etalon: Etalon, folder: Path) -> None:
        arguments = [verb[0], folder / "blob_study.py", *verb[1:], "--store", "empty"]
        done = etalon(*arguments)
        assert (done.status, done.out, Path("empty").exists()) == (1, "", False)
        assert "empty: there is no store there." in done.err
        Store("empty")
        assert etalon(*arguments).err.startswith("4 trials of 4 missing in ")

    @pytest.mark.usefixtures("_sketched")
    @pytest.mark.parametrize("lang", ["en", "fr"])
    def test_report(
        self, lang: str, etalon: Etalon, folder: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ETALON_LANG", lang)
        done = etalon("report", folder / "blob_study.py", "--store", trained)
        path = trained / "reports" / f"blob_study-blobs.{lang}.html"
        assert done == (0, f"{path}\n", "")
        assert f'lang="{lang}"' in path.read_text(encoding="utf-8")

    @pytest.mark.usefixtures("_sketched")
    def test_reports_in_several_forms_and_languages(self, etalon: Etalon, folder: Path, trained: Path) -> None:
        arguments = ["report", folder / "blob_study.py", "--store", trained, "--format", "html,pdf", "--lang", "fr,en"]
        names = [f"blob_study-blobs.{lang}.{suffix}" for lang in ("fr", "en") for suffix in ("html", "pdf")]
        done = etalon(*arguments, "--to", "out")
        assert done == (0, "".join(f"{Path('out', name)}\n" for name in names), "")
        assert 'lang="fr"' in Path("out", names[1]).read_text(encoding="utf-8")
        done = etalon(*arguments)
        assert done.out.splitlines() == [str(trained / "reports" / name) for name in names]

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            (["--format", "html,docx"], "--format takes html, pdf, ipynb; not docx"),
            (["--lang", "en,de"], "--lang takes en, fr; not de"),
            (["--format", "pdf", "--to", "report.pdf"], "--to is a folder"),
            (["--lang", "en,fr", "--to", "report.pdf"], "--to is a folder"),
        ],
        ids=str,
    )
    def test_reports_asked_for_in_a_way_that_has_no_meaning(
        self, options: list[str], told: str, etalon: Etalon, folder: Path, trained: Path
    ) -> None:
        done = etalon("report", folder / "blob_study.py", "--store", trained, *options)
        assert (done.status, done.out) == (2, "")
        assert told in " ".join(done.err.split())

    def test_an_unknown_language(self, etalon: Etalon, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ETALON_LANG", "de")
        done = etalon("list", "--store", trained)
        assert (done.status, done.err[:13]) == (1, "language 'de'")

    def test_export_then_predict(self, etalon: Etalon, folder: Path, trained: Path, blobs: Dataset) -> None:
        arguments = ["export", folder / "blob_study.py", "--variant", "wide", "--store", trained]
        assert etalon(*arguments, "--to", "bundle") == (0, "bundle\n", "")
        card = json.loads((Path("bundle") / "etalon.json").read_text(encoding="utf-8"))
        assert (card["variant"], card["image_shape"]) == ("wide", [8, 8, 1])
        for i in range(2):
            Image.fromarray(blobs.test.x[i, :, :, 0]).save(f"{i}.png")
        done = etalon("predict", "bundle", "0.png", "1.png")
        assert (done.status, [line.split()[0] for line in done.out.splitlines()]) == (0, ["0.png", "1.png"])
        found = json.loads(etalon("predict", "bundle", "0.png", "1.png", "--json", "-").out)
        assert [reading["path"] for reading in found] == ["0.png", "1.png"]
        assert all(0.33 < reading["confidence"] <= 1 for reading in found)
        assert {reading["to_a_person"] for reading in found} == {None}  # 60 images are too few to promise anything
        assert (card["threshold"], card["risk"]) == (None, None)
        assert card["temperature"] > 0
        assert etalon("predict", "bundle", "absent.png").err.startswith("absent.png: it cannot be read")
        assert etalon("predict", "nowhere", "0.png").status == 1
        one = etalon("predict", "bundle", "absent.png", "1.png")
        assert (one.status, one.out.split()[0], one.err.count("\n")) == (1, "1.png", 1)
        assert one.err.startswith("absent.png: it cannot be read")

    def test_the_recommended_one_is_exported(self, etalon: Etalon, folder: Path, trained: Path) -> None:
        assert etalon("export", folder / "blob_study.py", "--store", trained, "--to", "bundle.zip").status == 0
        assert Path("bundle.zip").is_file()
