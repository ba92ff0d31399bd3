"""A study's questions, each answered by what its function computes from the results."""

import ast
import dis
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import dedent
from types import CodeType
from typing import Any

from etalon.analysis.findings import Finding
from etalon.errors import StudyError
from etalon.locales import Text, _, among, choose, language
from etalon.report.blocks import Block, Callout, Figure, Paragraph, Section, Table, reason
from etalon.report.frames import texts
from etalon.report.images import close
from etalon.report.inline import escape, plain
from etalon.report.shown import shown
from etalon.report.tables import named
from etalon.report.tree import MISSING


@dataclass(frozen=True, eq=False)
class Question:
    """A question, and the function that answers it.

    Attributes:
        text: the question, in one language or in each.
        compute: of the results; returns findings, records that can be drawn or tabulated, tables, figures, sentences;
            one, or several in a tuple.
    """

    text: Text
    compute: Callable[[Any], Any]

    @property
    def name(self) -> str:
        """The function's."""
        return self.compute.__name__

    @property
    def source(self) -> str:
        """The function as it was written, without its decorators; empty where there is no text of it."""
        try:
            text = dedent(inspect.getsource(self.compute))
            node = ast.parse(text).body[0]
        except (OSError, TypeError, SyntaxError):
            return ""
        return "\n".join(text.splitlines()[node.lineno - 1 :]) if isinstance(node, ast.FunctionDef) else ""

    @property
    def uses(self) -> set[str]:
        """The names that the function takes from its module."""
        return _globals(self.compute.__code__) & self.compute.__globals__.keys()

    def answer(self, result: Any) -> "Answered":
        """What the function computes, in the language in force; where it breaks down, the answer says how."""
        try:
            given = self.compute(result)
            classes = result.dataset.class_names()
            parts = tuple(shown(part, classes, choose(self.text)) for part in _several(given))
        except Exception as error:  # the report must not be lost
            return Answered(self, (), (), reason(error))
        findings = tuple(finding for told, _blocks in parts for finding in told)
        blocks = tuple(block for _told, own in parts for block in own)
        return Answered(self, findings, blocks)


@dataclass(frozen=True, eq=False)
class Answered:
    """A question with its answer, in the language that was in force.

    Attributes:
        findings: in the order given.
        blocks: figures, tables and sentences that are no findings.
        failure: why there is no answer; empty when there is one.
    """

    question: Question
    findings: tuple[Finding, ...]
    blocks: tuple[Block, ...]
    failure: str = ""

    @property
    def title(self) -> str:
        """The question, in the language in force."""
        return choose(self.question.text)

    def section(self) -> Section:
        """The question as a heading, its answer below."""
        told: list[Block] = [Paragraph(_marked(finding)) for finding in self.findings]
        if self.failure:
            told.append(Callout(escape(_failed(self.failure)), "bad"))
        name, source = self.question.name, self.question.source
        run = f"{source}\n\n\nopened.answer({name})" if source else f"opened.answer({name!r})"
        return Section(escape(self.title), [*told, *self.blocks], id=f"question-{name}".replace("_", "-"), source=run)

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `json.dumps`."""
        return {
            "name": self.question.name,
            "question": self.title,
            "findings": [finding.to_json() for finding in self.findings],
            "error": self.failure or None,
        }

    def __str__(self) -> str:
        told = [finding.text for finding in self.findings]
        told += [plain(block.text) for block in self.blocks if isinstance(block, Paragraph)]
        if self.failure:
            told.append(_failed(self.failure))
        return "\n".join(
            [self.title, *(f"  {line}" for line in told or [_("Its figures and tables are in the report.")])]
        )

    def _ipython_display_(self) -> None:
        """In a notebook: the sentences, the tables, the figures."""
        from IPython.display import Markdown, display

        for block in self.section().blocks:
            if isinstance(block, Figure):
                try:
                    made = block.draw()
                except Exception as error:  # the other figures are shown all the same
                    told = Markdown(block.callout(reason(error)).text)  # type: ignore[no-untyped-call]
                    display(told, metadata={MISSING: True})  # type: ignore[no-untyped-call]
                    continue
                figure = getattr(made, "figure", None) or made
                close(figure)  # it is shown here, and not once more by pyplot
                display(figure)  # type: ignore[no-untyped-call]
            elif isinstance(block, Table):
                display(texts(block))  # type: ignore[no-untyped-call]
            elif isinstance(block, Paragraph | Callout):
                display(Markdown(block.text))  # type: ignore[no-untyped-call]


def answers(questions: Mapping[str, Question], result: Any) -> tuple[Answered, ...]:
    """Every question answered from `result`, in the order in which they were asked."""
    return tuple(question.answer(result) for question in questions.values())


def find(questions: Mapping[str, Question], wanted: str | Callable[[Any], Any]) -> Question:
    """The question of that name, or one that a function answers.

    Raises:
        StudyError: no such question.
    """
    if callable(wanted):
        asked = questions.get(wanted.__name__)
        return Question(asked.text if asked else "", wanted)
    if wanted not in questions:
        raise StudyError(
            _("question {name!r}").format(name=wanted),
            _("the study asks none of this name"),
            among(wanted, list(questions)),
        )
    return questions[wanted]


def section(answered: Sequence[Answered]) -> Section:
    """The part of the report that answers the study's questions, in their order."""
    return Section(
        _("Questions and answers"),
        [
            Paragraph(
                _(
                    "Each answer is computed from the trainings of this study, on the test images unless it says "
                    "otherwise. An answer that compares two models judges that one difference; tables of several "
                    "differences judge them together, ask for stronger proof, and may leave some of them undecided."
                )
            ),
            *(one.section() for one in answered),
        ],
        id="questions",
    )


def setup(origin: str, questions: Mapping[str, Question]) -> str:
    """The first code of a notebook, after which every other of its cells can run.

    Args:
        origin: Python that makes the study.
    """
    used = sorted({name for question in questions.values() for name in question.uses} - {"etalon", "study"})
    modules = {question.compute.__module__ for question in questions.values()}
    lines = [
        "%matplotlib inline",
        f"import os\n\nos.environ['ETALON_LANG'] = '{language()}'",
        origin,
        *(f"from {module} import {', '.join(used)}" for module in modules if used),
        "result = study.result()",
        "dataset, opened = result.dataset, result.test()",
        "robustness = result.robustness()",
        "from etalon.report.frames import written",
    ]
    return "\n".join(lines)


def _several(given: Any) -> Iterator[Any]:
    if isinstance(given, tuple | list):
        for part in given:
            yield from _several(part)
    else:
        yield given


def _globals(code: CodeType) -> set[str]:
    inner = (_globals(const) for const in code.co_consts if isinstance(const, CodeType))
    return {str(step.argval) for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"}.union(*inner)


def _marked(finding: Finding) -> str:
    return named(finding.text, finding.variant) if finding.variant else escape(finding.text)


def _failed(failure: str) -> str:
    if failure.partition(" ")[0].isalpha():  # a word, and no name that the user wrote
        failure = failure[:1].upper() + failure[1:]
    return _("This question could not be answered. {failure}").format(failure=failure)
