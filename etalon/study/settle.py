"""Settle a plan: have all its trials at hand, by training what is missing, or by refusing to go on without."""

from etalon.errors import StudyError
from etalon.locales import _, ngettext
from etalon.study.executors import Event, Executor
from etalon.study.journal import Diary, Told
from etalon.study.plan import Plan, Tally
from etalon.study.progress import progress as show_progress


def train(plan: Plan, *, carrier: Executor, progress: bool, diary: Diary) -> Tally:
    """Train what is missing, show how far it is, and write it in the study's diary."""
    keys = {key: place for place, key in reversed(list(plan.keys.items()))}
    epochs = {c.name: c.recipe.epochs for c in plan.candidates}
    names = {key: (variant, seed, epochs[variant]) for key, (variant, seed) in keys.items()}
    total = len(plan.missing())
    diary.begin(total, carrier.workers)

    def notify(event: Event) -> None:
        variant, seed, planned = names[event.key]
        diary.tell(Told(event.what, event.key, variant, seed, event.epochs, planned, event.logs, event.error))
        show(event)

    with show_progress(names, total, show=progress) as show:
        return plan.execute(carrier, notify)


def at_hand(plan: Plan) -> Tally:
    """Count what has been trained.

    Raises:
        StudyError: a trial is missing; those that broke down are not.
    """
    failures = plan.failures()
    missing = [place for place in plan.missing() if place not in failures]
    if missing:
        raise StudyError(
            ngettext(
                "{n} trial of {total} missing in {store}", "{n} trials of {total} missing in {store}", len(missing)
            ).format(n=len(missing), total=len(plan.keys), store=plan.store.folder),
            _("they have not been trained, or something that decides their result has changed since"),
            _("Run the study first."),
        )
    return so_far(plan)


def so_far(plan: Plan) -> Tally:
    """Count what has been trained, whatever is missing."""
    broken = {plan.keys[place] for place in plan.failures()}
    return Tally(0, len(plan.store.finished(plan.keys.values()) - broken), len(broken))
