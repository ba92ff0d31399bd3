"""What can be started, and nothing else; a study made of choices is a program like those written by hand."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from starlette.testclient import TestClient

from etalon.app import made, starts
from etalon.app.desk import Desk
from etalon.app.made import Choices, Images, program
from etalon.app.queue import Queue
from etalon.app.server import create
from etalon.errors import StudyError
from etalon.locales import use
from etalon.opening import open_study
from etalon.study.store import Store

STUDY = 'import etalon\nstudy = etalon.Study({"en": "A title", "fr": "Un titre"}, data="digits")\n'
TITLES = [
    "x",
    'a "quoted" title',
    "l'été",
    '"""',
    "\\",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "'''); import os #",
    "É" * 120,
    "日本",
]


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """A folder with studies, other files, and links that lead out of it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.py").write_text(STUDY)
    folder = tmp_path / "folder"
    for name in ("one.py", "sub/two.py", "sub/deep/three.py", ".hidden/four.py", ".five.py"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(STUDY)
    (folder / "helper.py").write_text("import etalon\n")
    (folder / "broken.py").write_text("study = etalon.Study(")
    (folder / "binary.py").write_bytes(b"Study(\xff\xfe")
    (folder / "six.py").symlink_to(outside / "secret.py")
    (folder / "linked").symlink_to(outside)
    (folder / "seven.py").symlink_to(folder / "one.py")
    return folder


@pytest.fixture
def client(own: Path, served: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """A browser on a store of its own, and that folder; nothing is run."""
    monkeypatch.setattr(Queue, "_wake", lambda self: None)
    return TestClient(create(Desk(Store(own), served)), base_url="http://localhost", headers={"accept-language": "fr"})


def test_only_files_of_the_folder(served: Path) -> None:
    assert list(starts.own(served)) == ["broken.py", "one.py", "seven.py", "sub/two.py"]


def test_ready_made(served: Path) -> None:
    names = {path.name for path in starts.ready().values()}
    assert names == {
        path.name for path in (Path(__file__).parents[2] / "studies").glob("*.py") if "Study(" in path.read_text()
    }
    assert {"mini_projet.py", "tp_mlp.py"} <= names


def test_titles_are_read_not_run(served: Path) -> None:
    with use("fr"):
        assert starts.about(served / "one.py") == "Un titre"
    assert starts.about(served / "broken.py") == "broken"
    (served / "odd.py").write_text('"""What it is.\n\nMore."""\nraise SystemExit\nStudy(title())\n')
    assert starts.about(served / "odd.py") == "What it is."


@pytest.mark.parametrize(
    "name",
    [
        "../outside/secret.py",
        "six.py",
        "linked/secret.py",
        "/etc/passwd",
        "one.py/../../outside/secret.py",
        "helper.py",
        ".five.py",
        "sub/deep/three.py",
        "etalon:../etalon/cli.py",
        "etalon:convolutional.py",
        "one.py\0",
        "",
    ],
)
def test_nothing_else_is_started(client: TestClient, own: Path, name: str) -> None:
    answer = client.post("/start", data={"file": name})
    assert answer.status_code == 422
    assert Queue(own).jobs() == []


def test_started(client: TestClient, own: Path, served: Path) -> None:
    form = {"file": "sub/two.py", "data": "digits", "seeds": "auto", "epochs": "3", "quick": "yes"}
    answer = client.post("/start", data=form, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs/1")
    (job,) = Queue(own).jobs()
    expected = ["run", str(served / "sub" / "two.py"), "--store", str(own), "--sealed", "--lang", "fr"]
    assert list(job.argv) == [*expected, "--data", "digits", "--seeds", "auto", "--epochs", "3", "--quick"]
    assert job.folder == str(served)
    page = client.get("/jobs/1").text
    assert "Un titre" in page
    assert "etalon" in page
    assert "Un titre" in client.get("/").text


@pytest.mark.parametrize(
    "wrong",
    [
        {"seeds": "0"},
        {"seeds": "1000"},
        {"seeds": "--help"},
        {"epochs": "-1"},
        {"epochs": "1e9"},
        {"data": "../x"},
        {"data": "/etc"},
        {"data": "unknown"},
        {"quick": "no"},
    ],
)
def test_odd_options(client: TestClient, own: Path, wrong: dict[str, str]) -> None:
    assert client.post("/start", data={"file": "one.py", **wrong}).status_code == 422
    assert Queue(own).jobs() == []


def test_no_other_site_starts_anything(client: TestClient, own: Path) -> None:
    for path in ("/start", "/start/made", "/data", "/data/pets/delete", "/queue", "/jobs/1/resume"):
        answer = client.post(path, data={"file": "one.py"}, headers={"origin": "http://elsewhere.example"})
        assert answer.status_code == 403
    assert Queue(own).jobs() == []


# made of choices


@pytest.mark.parametrize("reference", get_args(made.Reference))
@pytest.mark.parametrize("variation", get_args(made.Variation))
def test_each_choice_makes_a_study(reference: made.Reference, variation: made.Variation, tmp_path: Path) -> None:
    choices = Choices(title="x", reference=reference, variations=(variation,), size=16, seeds=2)
    if reference == "dense" and variation in made.CONVOLUTIONAL:
        with pytest.raises(StudyError, match="without variations"):
            program(choices, Images("digits", 1, 10))
        return
    path = tmp_path / "choice.py"
    path.write_text(program(choices, Images("digits", 1, 10)), encoding="utf-8")
    study = open_study(path).with_(store=tmp_path / "store")
    plan = study.plan  # every model is built and checked
    assert [candidate.name for candidate in plan.candidates] == ["reference", variation]
    assert plan.candidates[1].factors, "it differs from the reference"


@pytest.mark.parametrize("title", TITLES)
def test_a_title_stays_a_title(title: str, tmp_path: Path) -> None:
    text = program(Choices(title=title, variations=("dropout",)), Images("digits", 1, 10))
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    (study,) = [call for call in calls if ast.unparse(call.func) == "etalon.Study"]
    assert ast.literal_eval(study.args[0]) == title
    plain = program(Choices(title="x", variations=("dropout",)), Images("digits", 1, 10))
    assert len(list(ast.walk(ast.parse(text)))) == len(list(ast.walk(ast.parse(plain)))), "and adds nothing else"


def test_the_file_is_formatted_as_ours_are(tmp_path: Path) -> None:
    ruff = Path(sys.executable).with_name("ruff")
    if not ruff.exists():
        pytest.skip("ruff is not installed")
    for reference in get_args(made.Reference):
        text = program(Choices(title="x", reference=reference, variations=get_args(made.Variation)), Images("d", 1, 10))
        path = tmp_path / f"{reference}.py"
        path.write_text(text, encoding="utf-8")
        command = [ruff, "format", "--isolated", "--line-length", "120", "--check", "--diff", path]
        answer = subprocess.run(command, capture_output=True, text=True)
        assert answer.returncode == 0, answer.stdout
        answer = subprocess.run([ruff, "check", "--isolated", "--ignore", "I001", path], capture_output=True, text=True)
        assert answer.returncode == 0, answer.stdout


def test_made_and_queued(client: TestClient, own: Path, served: Path) -> None:
    form = {"title": "Mon étude", "variations": ["dropout", "augmentation"], "size": "16", "seeds": "2"}
    text = client.post("/start/text", data=form).text
    assert "augmentation" in text
    before = set(served.glob("*.py"))
    for name in ("mon_etude.py", "mon_etude_2.py"):
        answer = client.post("/start/made", data=form, follow_redirects=False)
        assert answer.status_code == 303
        assert (served / name).exists()
    assert {path.name for path in set(served.glob("*.py")) - before} == {"mon_etude.py", "mon_etude_2.py"}
    assert [job.argv[1] for job in Queue(own).jobs()] == [str(served / "mon_etude.py"), str(served / "mon_etude_2.py")]


def test_a_form_that_is_refused_is_shown_again_as_it_was(client: TestClient, own: Path) -> None:
    """The browser says no, and loses nothing of what was filled in."""
    form = {
        "title": "Les <chiffres>",
        "reference": "dense",
        "size": "12",
        "seeds": "4",
        "epochs": "7",
        "data": "digits",
    }
    for path in ("/start/made", "/start/text"):
        for ticked in ([], ["more_filters"]):  # which a dense network has none of
            answer = client.post(path, data={**form, "variations": ticked})
            assert answer.status_code == 422
            page = answer.text
            alert = page.split('role="alert"')[1].split("</div>")[0]
            assert "Cochez" in alert
            assert 'value="Les &lt;chiffres&gt;"' in page
            for field in ('name="size" min="4" max="256" value="12"', 'max="30" value="4"', 'max="500" value="7"'):
                assert field in page
            assert 'value="dense" checked' in page
            assert ('value="more_filters" checked' in page) == bool(ticked)
            assert 'value="dropout" checked' not in page
    assert Queue(own).jobs() == []


def test_the_form_knows_the_images(client: TestClient) -> None:
    page = client.get("/start").text
    assert '<option data-side="8" selected>digits</option>' in page
    assert 'name="size" min="4" max="256" value="8"' in page
    assert "Apprentissages, modèles × graines\u00a0: 4 × 5 = 20" in page


def test_how_many_trainings() -> None:
    def of(reference: made.Reference, *ticked: made.Variation) -> int:
        return made.trainings(Choices(title="x", reference=reference, variations=ticked, seeds=3))

    assert of("convolutional", "dropout", "more_filters", "dropout") == 9
    assert of("dense", "dropout", "more_filters") == 6, "which mean nothing to it"


def test_ready_made_studies_of_the_folder_are_listed_once(client: TestClient, served: Path) -> None:
    for path in starts.ready().values():
        assert client.get("/start").text.count(f">{path.name}<") == 1
        (served / path.name).write_bytes(path.read_bytes())
        page = client.get(f"/start?file=etalon:{path.name}").text
        assert page.count(f">{path.name}<") == 1
        assert f'value="{path.name}" required checked' in page
    assert "Études toutes prêtes" not in client.get("/start").text


def test_refusals_are_in_words(client: TestClient) -> None:
    def why(**wrong: str) -> str:
        answer = client.post("/start/made", data={"title": "x", "variations": "dropout", **wrong})
        assert answer.status_code == 422
        return answer.text.split('role="alert"')[1].split("</div>")[0]

    for wrong, words in (
        ({"seeds": "1"}, "Graines\u00a0: [^<]* 2<"),
        ({"seeds": "31"}, "Graines\u00a0: [^<]*30"),
        ({"seeds": "two"}, "Graines\u00a0: [^<]*entier"),
        ({"title": "x" * 121}, "Titre\u00a0: [^<]*120"),
        ({"title": " "}, "Titre\u00a0: "),
        ({"reference": "none"}, "La référence\u00a0: [^<]*dense"),
        ({"data": "../x"}, "Images\u00a0: "),
    ):
        text = why(**wrong)
        assert re.search(words, text), text
        assert not re.search(r"Input|should|\^|pattern|expected", text)


@pytest.mark.parametrize("title", ["../../evil", "os", "etalon", "...", "con sys", "日本", "1234"])
def test_names_of_files(title: str, tmp_path: Path) -> None:
    path = made.keep("", title, tmp_path)
    assert path.parent == tmp_path
    assert path.stem.isidentifier()
    assert path.stem not in {"os", "etalon", "keras"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": ""},
        {"title": " "},
        {"title": "a\nb"},
        {"title": "x" * 121},
        {"variations": "evil"},
        {"variations": ""},
        {"reference": "import os"},
        {"size": "4", "reference": "mini_project"},
        {"size": "100000"},
        {"seeds": "1"},
        {"epochs": "0"},
        {"data": "'; import os"},
        {"data": "unknown"},
        {"batch_size": "33"},
    ],
)
def test_odd_choices(client: TestClient, served: Path, wrong: dict[str, str]) -> None:
    before = sorted(served.rglob("*"))
    form = {"title": "x", "variations": "dropout", **wrong}
    for path in ("/start/text", "/start/made"):
        assert client.post(path, data=form).status_code == 422
    assert sorted(served.rglob("*")) == before
