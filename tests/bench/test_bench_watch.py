"""What tabs have heard, against what has happened."""

import json

import pytest

from bench.app_watch import Round, Tab, WatchError, line
from etalon.study.journal import Told

HAPPENED = [Told("epoch", key="a", epoch=n, when=float(n)) for n in (1, 2, 3)] + [Told("end", when=4.0)]


def tab(*messages: tuple[float, list[Told]]) -> Tab:
    """One that was opened at 1.5 s."""
    made = Tab.__new__(Tab)
    made.since = 1.5
    made.heard = [
        (
            at,
            b"data: " + json.dumps({"told": [{"what": t.what, "key": t.key, "epoch": t.epoch} for t in told]}).encode(),
        )
        for at, told in messages
    ]
    return made


def test_delays_are_those_of_what_it_was_there_for() -> None:
    heard = tab((1.75, HAPPENED[:1]), (3.25, HAPPENED[1:3]), (4.5, HAPPENED[3:]))
    assert heard.delays(HAPPENED) == [1.25, 0.25, 0.5]


@pytest.mark.parametrize(
    "messages",
    [
        [(3.0, HAPPENED[:2]), (4.0, HAPPENED[3:])],
        [(3.0, HAPPENED[:3]), (4.0, HAPPENED[2:])],
        [(3.0, HAPPENED[2:3]), (4.0, [*HAPPENED[:2], HAPPENED[3]])],
        [],
    ],
    ids=["lost", "twice", "out of order", "nothing"],
)
def test_what_is_not_heard_as_it_happened_is_an_error(messages: list[tuple[float, list[Told]]]) -> None:
    with pytest.raises(WatchError, match="4 happened"):
        tab(*messages).delays(HAPPENED)


def test_slowdown_is_pair_by_pair() -> None:
    pairs = [(10.0, 11.0), (20.0, 20.2)]
    found = [
        Round(tabs, s, 0, 0.2, 0.1 * s, s, 0.0, 0.0) for pair in pairs for tabs, s in zip((0, 50), pair, strict=True)
    ]
    told = line(found)
    assert told["slowdown"]["median"] == pytest.approx(0.055)
    assert (told["tabs"], told["delay"]["largest"]) == (50, pytest.approx(2.02))
