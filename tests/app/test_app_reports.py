"""Report: what the browser gives is what the study itself writes."""

import json
import re
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from starlette.testclient import TestClient

from etalon.app.desk import Desk
from etalon.app.queue import Job, Queue
from etalon.reopened import reopen
from etalon.result import Result
from etalon.study.journal import Dossier
from etalon.study.store import Store

DATE = re.compile(r"<time datetime=[^>]*>[^<]*</time>")
Browse = Callable[[Path], TestClient]


@pytest.fixture
def here(dossier: Dossier) -> str:
    return f"/studies/{dossier.id}"


@pytest.fixture
def opened(own: Path, here: str, browse: Browse) -> TestClient:
    """A browser on a store of its own, whose test images have been opened."""
    browser = browse(own)
    browser.post(f"{here}/open", data={"back": "report"})
    return browser


@pytest.fixture
def asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue that nobody runs."""
    monkeypatch.setattr(Queue, "_wake", lambda self: None)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Degraded images take long, and are not what is looked at here."""
    monkeypatch.setattr(Result, "_degraded", None)


def made(browser: TestClient, here: str) -> str:
    for _wait in range(1200):
        told = browser.get(f"{here}/report/state?lang=fr").text
        if "every 2s" not in told:
            return told
        time.sleep(0.05)
    raise AssertionError("the report is never made")


class TestSealed:
    def test_the_page_says_that_test_must_be_opened_first(self, client: TestClient, here: str) -> None:
        page = client.get(f"{here}/report").text
        assert f'action="{here}/open"' in page
        assert "Make the report" not in page

    def test_no_report_is_made_before(self, own: Path, here: str, browse: Browse) -> None:
        answer = browse(own).post(f"{here}/report", data={"lang": "fr", "form": "html"})
        assert answer.status_code == 422
        assert not list(Store(own).reports.iterdir())

    def test_nor_are_figures_of_test_given(self, client: TestClient, here: str) -> None:
        assert client.get(f"{here}/report/results.csv?on=test").status_code == 422


@pytest.mark.usefixtures("quick")
class TestFromTheStore:
    def test_it_is_the_report_of_the_results_but_for_the_date(
        self, own: Path, here: str, opened: TestClient, dossier: Dossier, tmp_path: Path
    ) -> None:
        answer = opened.post(f"{here}/report", data={"lang": "fr", "form": "html"}, follow_redirects=False)
        assert answer.headers["location"] == f"{here}/report?lang=fr"
        told = made(opened, here)
        assert 'role="alert"' not in told
        read = opened.get(f"{here}/report/read?lang=fr&by=store")
        wanted = reopen(Store(own), dossier.id).report(tmp_path / "wanted.html", lang="fr").read_text()
        assert DATE.sub("", read.text) == DATE.sub("", wanted)

    def test_it_is_read_as_a_stranger(self, own: Path, here: str, opened: TestClient) -> None:
        opened.post(f"{here}/report", data={"lang": "en", "form": "html"})
        made(opened, here)
        answer = opened.get(f"{here}/report/read?lang=en&by=store")
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("sandbox allow-scripts;")
        assert "allow-same-origin" not in policy
        assert re.search("script-src 'sha256-[^']+'; base-uri 'none'", policy)
        assert "frame-ancestors 'self'" in policy
        page = opened.get(f"{here}/report?lang=en").text
        assert re.search(r'<iframe[^>]* sandbox="allow-scripts"', page)

    def test_a_pdf_to_keep(self, here: str, opened: TestClient) -> None:
        opened.post(f"{here}/report", data={"lang": "fr", "form": "pdf"})
        made(opened, here)
        answer = opened.get(f"{here}/report/file?lang=fr&form=pdf&by=store")
        assert answer.content.startswith(b"%PDF")
        assert answer.headers["content-disposition"].startswith("attachment")

    def test_a_notebook_takes_the_code(self, here: str, opened: TestClient) -> None:
        opened.post(f"{here}/report", data={"lang": "fr", "form": "ipynb"})
        assert 'role="alert"' in made(opened, here)


@pytest.mark.usefixtures("asleep")
class TestWithTheFile:
    def test_a_job_makes_it(self, own: Path, here: str, opened: TestClient, dossier: Dossier) -> None:
        opened.post(f"{here}/report", data={"lang": "fr", "form": "ipynb", "by": "file"})
        job: Job = Queue(own).jobs()[-1]
        assert job.kind == "report"
        assert job.about["study"] == dossier.id
        assert list(job.argv) == ["report", dossier.file, "--store", str(own), "--format", "ipynb", "--lang", "fr"]
        assert "waits in the queue" in opened.get(f"{here}/report").text

    def test_with_what_the_study_was_run_with(self, own: Path, here: str, opened: TestClient, dossier: Dossier) -> None:
        assert dossier.file
        run = ["run", dossier.file, "--store", str(own), "--sealed", "--lang", "en", "--epochs", "2"]
        Queue(own).add("run", run, own, file=dossier.file, title="", study=dossier.id)
        opened.post(f"{here}/report", data={"lang": "en", "form": "html", "by": "file"})
        assert Queue(own).jobs()[-1].argv[-2:] == ("--epochs", "2")

    def test_a_file_elsewhere_is_not_run(self, own: Path, here: str, dossier: Dossier, tmp_path: Path) -> None:
        from etalon.app.server import create

        (tmp_path / "empty").mkdir()
        with TestClient(create(Desk(Store(own), tmp_path / "empty")), base_url="http://localhost") as browser:
            browser.post(f"{here}/open")
            answer = browser.post(f"{here}/report", data={"lang": "fr", "form": "html", "by": "file"})
            assert answer.status_code == 404
            page = browser.get(f"{here}/report").text
        assert f"etalon report {dossier.file}" in page
        assert not Queue(own).jobs()


class TestListed:
    def test_those_made_elsewhere_are_there_with_their_dates(
        self, own: Path, here: str, opened: TestClient, dossier: Dossier
    ) -> None:
        name = f"{Path(dossier.file or '').stem}-digits.fr.html"
        (Store(own).reports / name).write_text("<p>made in a terminal</p>")
        page = opened.get(f"{here}/report?lang=fr").text
        assert "the study&#39;s file" in page
        assert f"{here}/report/read?lang=fr&amp;by=file" in page
        read = opened.get(f"{here}/report/read?lang=fr&by=file")
        assert read.text == "<p>made in a terminal</p>"
        assert "script-src 'none'" in read.headers["content-security-policy"]

    def test_none_is_made_up(self, here: str, opened: TestClient) -> None:
        assert opened.get(f"{here}/report/read?lang=fr&by=file").status_code == 404
        assert opened.get(f"{here}/report/file?lang=fr&form=pdf&by=store").status_code == 404

    @pytest.mark.parametrize("asked", ["lang=de&by=file", "lang=fr&by=../etc", "lang=fr"])
    def test_nothing_else_can_be_named(self, client: TestClient, here: str, asked: str) -> None:
        assert client.get(f"{here}/report/read?{asked}").status_code == 422


class TestFigures:
    def test_a_table_for_a_spreadsheet(self, client: TestClient, here: str, trained: Path, dossier: Dossier) -> None:
        told = pd.read_csv(StringIO(client.get(f"{here}/report/results.csv").text), index_col="variant").fillna(
            {"factors": ""}
        )
        wanted = reopen(Store(trained), dossier.id).frame()
        pd.testing.assert_frame_equal(told, wanted, check_dtype=False, check_exact=False, rtol=1e-12)

    def test_all_the_figures_for_a_program(
        self, client: TestClient, here: str, trained: Path, dossier: Dossier
    ) -> None:
        told = client.get(f"{here}/report/results.json", headers={"accept-language": "fr"})
        assert told.headers["content-disposition"].startswith("attachment")
        wanted = reopen(Store(trained), dossier.id).to_json()
        found = json.loads(told.text)
        assert found["study"] == "Lire des chiffres"
        assert found["variants"][1]["accuracy"] == wanted["variants"][1]["accuracy"]
