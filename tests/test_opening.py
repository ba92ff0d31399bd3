"""Studies read from files."""

from pathlib import Path
from typing import Any

import pytest

import etalon
from etalon.errors import EtalonError, StudyError
from etalon.opening import open_study

STUDY = """
import etalon
from keras import Input, Sequential, layers
study = etalon.Study("Read from a file", data="digits")
@study.reference
def reference():
    return Sequential([Input((8, 8, 1)), layers.Flatten(), layers.Dense(10, activation="softmax")])
"""


def made_again(study: etalon.Study) -> Any:
    namespace: dict[str, Any] = {}
    exec(study.origin, namespace)
    return namespace["study"]


class TestFiles:
    """Studies read from files."""

    def test_a_study(self, tmp_path: Path) -> None:
        (tmp_path / "my-étude.py").write_text(STUDY, encoding="utf-8")
        study = open_study(tmp_path / "my-étude.py")
        assert (study.title, list(study.variants)) == ("Read from a file", ["reference"])
        assert study.variants["reference"].source.startswith("@study.reference\ndef reference")

    def test_its_origin_makes_it_again(self, tmp_path: Path) -> None:
        (tmp_path / "origin_of_it.py").write_text(STUDY)
        study = etalon.open_study(tmp_path / "origin_of_it.py").with_(seeds=3, epochs=2, store=tmp_path / "store")
        again = made_again(study)
        assert (again.title, again.seeds, again.settings) == (study.title, study.seeds, study.settings)
        assert Path(again.store) == Path(study.store or "")

    def test_its_origin_makes_it_again_from_any_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "elsewhere").mkdir()
        taken = STUDY.replace('data="digits"', 'data=etalon.load("digits").take(200, 50)')
        (tmp_path / "taken_from.py").write_text(taken)
        monkeypatch.chdir(tmp_path)
        study = etalon.open_study("taken_from.py")
        monkeypatch.chdir(tmp_path / "elsewhere")
        for one in (study, study.with_(), study.with_(seeds=2), study.with_(seeds=2).quick(1)):
            again = made_again(one)
            assert (again.folder, again.seeds) == (tmp_path / "etalon-store", one.seeds)
            assert again.dataset.digest == one.dataset.digest
        assert not study.with_(data=study.dataset).origin

    @pytest.mark.parametrize(
        ("name", "text", "message"),
        [
            ("absent.py", None, "there is no such file. Give the path of a study; `etalon init` writes one"),
            ("nothing_in_it.py", "x = 1", r"it makes 0 studies"),
            ("two_in_it.py", STUDY + "other = etalon.Study('b')", r"it makes 2 studies"),
            ("wrong_syntax.py", STUDY + "\ndef (:\n", r"SyntaxError at line 9: .*Correct the file"),
            ("raises_at_once.py", STUDY + "\n\nx = 1 / 0\n", r"ZeroDivisionError at line 10: division by zero"),
            ("imports_nothing.py", "import no_such_module", r"ModuleNotFoundError at line 1: No module named"),
            ("deep.py", STUDY + "study.dataset.take('a')", r"TypeError at line 8: "),
            ("misspelt.py", STUDY + "etalon.Studdy()", r"AttributeError at line 8: .*Did you mean Study\?"),
            ("latin.py", "# étude".encode("latin-1"), r"this is not a text in UTF-8\. Save the file as UTF-8"),
            ("of_nobody.py", "# coding: klingon", r"this is not a text in UTF-8"),
            ("zero.py", "x = 1\0", r"this is not a text in UTF-8"),
            ("json.py", STUDY, r"json is the name of a Python module. Rename the file"),
            ("study.txt", STUDY, r"it is not a Python file"),
        ],
    )
    def test_files_that_are_refused(self, tmp_path: Path, name: str, text: str | bytes | None, message: str) -> None:
        if text is not None:
            (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(StudyError, match=f"{name}: {message}"):
            open_study(tmp_path / name)

    def test_the_mistake_may_be_in_another_file(self, tmp_path: Path) -> None:
        (tmp_path / "beside_it.py").write_text("\n\ndef (:\n")
        (tmp_path / "imports_it.py").write_text("import beside_it")
        with pytest.raises(StudyError, match=r"imports_it\.py: SyntaxError at line 3 of beside_it\.py: invalid syntax"):
            open_study(tmp_path / "imports_it.py")

    def test_a_study_in_another_encoding_that_it_says(self, tmp_path: Path) -> None:
        (tmp_path / "in_latin.py").write_bytes(f"# coding: latin-1\n# é\n{STUDY}".encode("latin-1"))
        assert open_study(tmp_path / "in_latin.py").title == "Read from a file"

    def test_refusals_of_etalon_itself_are_left_as_they_are(self, tmp_path: Path) -> None:
        (tmp_path / "unknown_setting.py").write_text("import etalon\netalon.Study('a', epoch=3)")
        with pytest.raises(EtalonError, match="epoch given to a study"):
            open_study(tmp_path / "unknown_setting.py")
