"""The documentation is true: its programs run, its links lead somewhere, its tables are those of the code."""

import ast
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import typing
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

import etalon

ROOT = Path(__file__).parent.parent
TUTORIALS = {"en": "docs/tutorial.en.md", "fr": "docs/tutoriel.fr.md"}
PAGES = ["README.md", "CHANGELOG.md", *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/*.md"))]
TEXTS = {page: (ROOT / page).read_text(encoding="utf-8") for page in PAGES}


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a page, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXTS[page], re.MULTILINE | re.DOTALL)


def program(page: str) -> str:
    """All the Python of a page, as a reader would paste it into one file."""
    return "\n\n".join(blocks(page, "python"))


def section(page: str, title: str) -> str:
    """What stands under a heading."""
    found = re.search(rf"^##+ {title}\n(.*?)(?=^## |\Z)", TEXTS[page], re.MULTILINE | re.DOTALL)
    assert found, f"{page} has no section {title}"
    return found[1]


def quoted(text: str) -> list[str]:
    """What stands between backquotes, outside fenced blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))


def rows(text: str) -> list[list[str]]:
    """The rows of the first table of a text, without its head, as cells."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


# --- programs ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all pages: the second tutorial finds the trainings of the first."""
    return tmp_path_factory.mktemp("docs") / "etalon-store"


@pytest.fixture
def folder(tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, with a cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("ETALON_STORE", str(store))
    return tmp_path


@pytest.mark.parametrize("page", [page for page in PAGES if program(page)])
def test_python_runs_as_printed(
    page: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if page == TUTORIALS["fr"]:
        monkeypatch.setenv("ETALON_LANG", "fr")
    script = folder / "script.py"
    script.write_text(program(page), encoding="utf-8")
    announced = {etalon.MoreThanOneFactor} if page in TUTORIALS.values() else set()
    with warnings.catch_warnings(record=True) as seen:  # any other warning is an error, here as everywhere
        for category in announced:
            warnings.filterwarnings("always", category=category)
        runpy.run_path(str(script), run_name="script")
    assert {warning.category for warning in seen} == announced
    for name in re.findall(r'(?:savefig|save|report|export)\("([^"]+)"', program(page)):
        assert (folder / name).exists(), f"{page} says that it writes {name}"
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    for table in blocks(page, "text"):
        assert table.splitlines()[0].split() in printed, f"{page} shows a table with other columns"


def test_both_tutorials_are_one_program() -> None:
    def skeleton(page: str) -> str:
        tree = ast.parse(program(page))
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                node.value = ""
        return ast.dump(tree)

    assert skeleton(TUTORIALS["en"]) == skeleton(TUTORIALS["fr"])
    assert blocks(TUTORIALS["en"], "bash") == blocks(TUTORIALS["fr"], "bash")


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash to run the commands with")
def test_commands_run_as_printed(folder: Path) -> None:
    page = TUTORIALS["en"]
    (images,) = [block for block in blocks(page, "python") if "my-images" in block]
    exec(compile(images, page, "exec"), {"etalon": etalon, "digits": etalon.load("digits")})
    commands = "\n".join(blocks(page, "bash"))
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    notebook = json.loads((folder / "report.ipynb").read_text(encoding="utf-8"))
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    assert outputs
    assert all(output["output_type"] != "error" for output in outputs)
    assert len(re.findall(r"^my-images/3/", done.stdout, re.MULTILINE)) > 1


# --- links and files ----------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", TEXTS[page]):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        place = (ROOT / page).parent / path if path else ROOT / page
        assert place.exists(), f"{page} links to {target}"
        if anchor:
            assert anchor in anchors(place), f"{page} links to {target}"


@pytest.mark.parametrize("page", PAGES)
def test_files_named_are_there(page: str) -> None:
    tops = {"bench", "docs", "etalon", "scripts", "studies", "tests"}
    for text in quoted(TEXTS[page]):
        name = text.split()[0]
        inside = "/" in name and name.split("/")[0] in tops
        if inside or Path(name).suffix in {".md", ".txt", ".toml"}:
            assert (ROOT / name).exists() or (ROOT / "docs" / name).exists(), f"{page} names {name}"


# --- names ------------------------------------------------------------------------------------------------------


def commands() -> dict[str, set[str]]:
    """Every verb of the command line and its options; the verbs of a group are two words."""

    def walk(command: typing.Any, name: str) -> Iterator[tuple[str, set[str]]]:
        for verb, inner in getattr(command, "commands", {}).items():
            yield from walk(inner, f"{name} {verb}".strip())
        if name and (not hasattr(command, "commands") or command.invoke_without_command):
            yield name, {option for one in command.params for option in (*one.opts, *one.secondary_opts)}

    from etalon.cli import app

    return dict(walk(get_command(app), ""))


def test_readme_has_every_verb() -> None:
    table = rows(section("README.md", "Command line"))
    words = [re.match(r"`etalon ((?:data |lessons )?[a-z]+)", cells[0]) for cells in table]
    assert sorted(word[1] for word in words if word) == sorted(commands())


def test_verbs_and_options_named_exist() -> None:
    known = commands()
    options = set.union(*known.values()) | {"--help"}
    for page, text in TEXTS.items():
        for code in quoted(text):
            if found := re.match(r"etalon ((?:data |lessons )?[a-z]+)", code):
                assert found[1] in known, f"{page}: {code}"
                assert set(re.findall(r"--[a-z-]+", code)) <= known[found[1]] | {"--help"}, f"{page}: {code}"
            elif code.startswith("--"):
                assert code.split()[0] in options, f"{page}: {code}"


def test_every_public_name_is_documented() -> None:
    everything = "\n".join(TEXTS.values())
    missing = [name for name in etalon.__all__ if not re.search(rf"\betalon\.{name}\b", everything)]
    assert missing == []


# --- tables -----------------------------------------------------------------------------------------------------

MODELS = "docs/models.md"


def test_layers() -> None:
    from etalon.models.lowering.layers import TABLE

    listed = [name for _kind, names in rows(section(MODELS, "Layers")) for name in quoted(names)]
    assert sorted(listed) == sorted(TABLE)


def test_activations_regularizers_and_constraints() -> None:
    from etalon.models.lowering.activations import ALONG_LAST_AXIS, ELEMENTWISE
    from etalon.models.lowering.regularizers import CONSTRAINTS, REGULARIZERS

    functions, others, *_ = section(MODELS, "Activations").strip().split("\n\n")
    assert sorted(quoted(functions)) == sorted([*ELEMENTWISE, *ALONG_LAST_AXIS, "linear"])
    assert quoted(others) == [*REGULARIZERS, *CONSTRAINTS]


def test_optimizers() -> None:
    from etalon.train.optimizers import RULES, UNSUPPORTED

    supported, options, refused = re.split(r"with their options|Refused:", section(MODELS, "Optimizers"))
    assert quoted(supported) == list(RULES)
    assert quoted(refused) == list(UNSUPPORTED)
    assert not set(quoted(options)) & set(UNSUPPORTED)


def test_losses() -> None:
    from etalon.train.losses import NAMES

    assert quoted(section(MODELS, "Losses")) == list(NAMES)


def test_schedules_and_callbacks() -> None:
    import keras

    schedules = {name for name in dir(keras.optimizers.schedules) if name[0].isupper()} - {"LearningRateSchedule"}
    assert set(quoted(section(MODELS, "Schedules"))) - {"keras.optimizers.schedules"} == schedules
    for name in re.findall(r"`([A-Z]\w+)`", section(MODELS, "Callbacks")):
        assert hasattr(keras.callbacks, name)


def test_settings_of_the_recipe() -> None:
    table = {quoted(name)[0]: default for name, default, _meaning in rows(section(MODELS, "The recipe"))}
    fields = {name: field for name, field in etalon.Recipe.model_fields.items() if name != "from_logits"}
    assert sorted(table) == sorted(fields)
    for name, default in table.items():
        if re.fullmatch(r"[\d./]+", default):
            assert fields[name].default == eval(default)
        elif default == "none":
            assert not fields[name].default


def test_augmentation() -> None:
    from etalon.data.augmentation import Augmentation

    kinds = typing.get_args(typing.get_args(Augmentation)[0])
    table = {quoted(name)[0]: quoted(default)[0] for name, default, _what in rows(section(MODELS, "Augmentation"))}
    assert sorted(table) == sorted(f"etalon.{kind.__name__}" for kind in kinds)
    for name, defaults in table.items():
        assert eval(f"{name}({defaults})") == eval(f"{name}()"), f"{name} has other defaults than {defaults}"


def test_early_stopping() -> None:
    call = re.search(r"`(etalon\.EarlyStopping\(patience=3, .*?\))`", TEXTS[MODELS], re.DOTALL)
    assert call
    assert eval(call[1]) == etalon.EarlyStopping(patience=3)
    assert set(re.findall(r"(\w+)=", call[1])) == set(etalon.EarlyStopping.model_fields)


def test_sources_of_data() -> None:
    from etalon.data.sources import NAMES

    assert [quoted(name)[0] for name, *_ in rows(section("docs/data.md", "Sets known by name"))] == list(NAMES)


def test_constants_of_the_method() -> None:
    from etalon.analysis.outlook import MOST_SEEDS, POWER
    from etalon.analysis.recommend import WEIGHTS
    from etalon.analysis.verdicts import ALPHA, ROPE

    text = TEXTS["docs/method.md"]
    assert f"It is {ROPE} by default" in text
    assert f"adjusted p < {ALPHA}" in text
    assert f"in {POWER:.0%} of studies".replace("%", " %") in text
    assert f"{MOST_SEEDS:,} seeds" in text
    assert f"score = {WEIGHTS['accuracy']} × " in text
    assert text.count(f"− {WEIGHTS['time']} × ") == text.count(f"− {WEIGHTS['overfitting']} × ") == 2
