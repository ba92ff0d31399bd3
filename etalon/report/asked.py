"""What is asked of the results of a study: its own questions, what a change is worth, every finding as a table."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from etalon.analysis import worth as weighed
from etalon.analysis.coding import Coding, coding
from etalon.analysis.explained import stratified, training_images
from etalon.analysis.findings import Finding
from etalon.locales import language
from etalon.report.answered import Answered, Question, answers, find
from etalon.report.effects import Effects
from etalon.report.told import told
from etalon.train.updates import updates

if TYPE_CHECKING:
    import pandas as pd


class Asked:
    """The part of `etalon.Result` that answers questions."""

    def worth(self: Any, name: str, against: str = "") -> Finding:
        """Is this variant worth adopting: its effect on the reference, or on the variant `against`, and its cost."""
        base = self[against] if against else self.reference
        verdicts = self.compare(against, name) if against else self.verdicts()
        return weighed.worth(verdicts, name, self._cost(self[name]), self._cost(base), against)

    def merits(self: Any, name: str = "") -> Finding:
        """What the recommended model, or another, is worth, all told: accuracy, overfitting, weights, time."""
        entry = next(e for e in self.evidence.entries if e.name == self[name or self._recommended.chosen].name)
        accuracy = (entry.test or entry.validation).accuracy
        gap = entry.curves.overfitting.gap
        return weighed.merits(entry.name, self.part, accuracy, gap, self._cost(self[entry.name]))

    def overfits_less(self: Any, name: str, than: str = "") -> Finding:
        """Does this variant overfit less than the reference, or than the variant `than`."""
        base = self[than] if than else self.reference
        return weighed.gaps(base.overfitting(), self[name].overfitting())

    def effects(self: Any) -> Effects:
        """What each change does, against the variant of which it is a change: a line for each factor."""
        return Effects(self.evidence, self.verdicts(pairs="steps"))

    def summary(self: Any) -> Finding:
        """What all the changes tell together."""
        return weighed.summary(self.verdicts(pairs="steps"))

    def coding(self: Any) -> Coding:
        """How images and targets are coded: types, shapes, values, sizes of the four arrays."""
        return coding(self.dataset)

    def stratified(self: Any) -> Finding:
        """Whether the validation images keep the proportions of the classes."""
        return stratified(self.dataset, self.plan.split, self.plan.seeds[0])

    @property
    def questions(self: Any) -> Mapping[str, Question]:
        """Those of the study, in their order, by the names of their functions."""
        found: Mapping[str, Question] = self.study.questions if self.study else {}
        return found

    def answer(self: Any, question: str | Callable[[Any], Any]) -> Answered:
        """The answer to a question of the study, by its name, or to another that a function computes."""
        return find(self.questions, question).answer(self)

    def answers(self: Any) -> tuple[Answered, ...]:
        """The questions of the study, in their order, each with its answer on this part."""
        known = vars(self).setdefault("_answered", {})
        place = (self.part, language())
        if place not in known:
            known[place] = answers(self.questions, self)
        return tuple(known[place])

    def findings(self: Any) -> "pd.DataFrame":
        """All that the results say, a line a finding: question (if one was asked), kind, variant, text, numbers.

        Printed, it gives the sentences.
        """
        from etalon.report.sentences import Sentences  # pandas, which most do without

        rows = [("", finding) for finding in told(self.evidence)]
        return Sentences.of(rows + [(one.question.name, finding) for one in self.answers() for finding in one.findings])

    def _cost(self: Any, outcome: Any) -> weighed.Cost:
        recipe = outcome.candidate.recipe
        images = training_images(self.dataset, self.plan.split)
        times = tuple(run.fit_time for run in outcome.runs)
        return weighed.Cost(outcome.candidate.weights.total, times, updates(images, recipe.batch_size, recipe.epochs))
