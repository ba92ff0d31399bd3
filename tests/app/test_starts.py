"""What can be started, and nothing else; a study made of choices is a program like those written by hand."""

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from starlette.testclient import TestClient

from etalon.app import made, starts, studies
from etalon.app.desk import Desk
from etalon.app.made import Choices, Images, program
from etalon.app.queue import Queue
from etalon.app.server import create
from etalon.errors import StudyError
from etalon.locales import use
from etalon.opening import open_study
from etalon.study.store import Store

NOBODY = "0" * 12  # a study that there is not
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


# the list


def test_list_is_sent_again_only_when_it_has_changed(own: Path, browse: Callable[[Path], TestClient]) -> None:
    client = browse(own)
    page = client.get("/").text
    assert "Reading digits" in page
    assert "6 of 6" in page
    assert "<code>wider</code>" in page
    seen = page.partition("/list?seen=")[2].partition('"')[0]
    assert client.get(f"/list?seen={seen}").status_code == 204
    assert client.get(f"/list?seen={seen}", headers={"accept-language": "fr"}).status_code == 200
    (own / "studies").joinpath(next((own / "studies").iterdir()).name, "events.jsonl").touch()
    changed = client.get(f"/list?seen={seen}")
    assert changed.status_code == 200
    assert "<html" not in changed.text


def test_jobs_of_a_study(client: TestClient, own: Path, served: Path) -> None:
    """A study shows the job that has told that it trains it: waiting, then stopped, then gone on with."""
    dossier = Store(own).studies()[0]
    queue, names = Queue(own), (NOBODY, dossier.id)
    jobs = [queue.add("run", [], served, file=dossier.file or "", title="t") for _ in range(3)]
    for job, name in zip(jobs[1:], names, strict=True):
        queue.name(job.n).write_text(name)
        queue.tie(job.n)
    job = jobs[-1]
    owners = [studies.owner(job, [dossier]) for job in queue.jobs()]
    assert owners == [None, None, dossier.id], "the one that has told so, once the store knows it"
    led = [client.get(f"/jobs/{job.n}", headers={"hx-request": "true"}).headers.get("hx-redirect") for job in jobs]
    assert led == [None, None, f"/studies/{dossier.id}"], "who waits for the first training is led to its curves"
    page = client.get("/").text
    assert page.count("en attente") == 3
    assert f'action="/jobs/{job.n}/stop"' in client.get(f"/studies/{dossier.id}").text
    assert client.post(f"/jobs/{job.n}/stop", data={"back": "/"}, follow_redirects=False).status_code == 303
    assert client.post("/jobs/1/stop", data={"back": "//elsewhere.example"}).status_code == 422
    assert f'action="/jobs/{job.n}/resume"' in client.get(f"/studies/{dossier.id}").text
    client.post(f"/jobs/{job.n}/resume")
    assert queue.job(job.n).state == "waiting"
    assert client.post("/jobs/99/stop").status_code == 404
