import threading
import time

import pytest

from etalon.study.crew import Crew, in_threads


def test_one_at_a_time_until_told_otherwise() -> None:
    crew = Crew("abcde", most=3)
    assert crew.take() == "a"
    late: list[str | None] = []
    waiting = threading.Thread(target=lambda: late.append(crew.take()))
    waiting.start()
    time.sleep(0.05)
    assert not late
    crew.widen(10)
    waiting.join(5)
    assert late == ["b"]
    assert crew.limit == 3


def test_the_next_begins_when_one_is_done() -> None:
    crew = Crew("ab", most=1)
    assert crew.take() == "a"
    crew.done()
    assert crew.take() == "b"
    crew.done()
    assert crew.take() is None


def test_what_is_given_back_comes_first_and_with_fewer_beside_it() -> None:
    crew = Crew("abcd", most=3)
    crew.widen(3)
    assert [crew.take(), crew.take(), crew.take()] == ["a", "b", "c"]
    assert crew.give_back("b")
    crew.done()
    assert crew.limit == 2
    crew.widen(3)  # what was measured before says nothing any more
    assert crew.limit == 2
    crew.done()
    assert crew.take() == "b"


def test_too_much_even_alone() -> None:
    crew = Crew("ab", most=3)
    crew.widen(2)
    assert [crew.take(), crew.take()] == ["a", "b"]
    assert crew.give_back("a")  # now b is alone, but was not when it lacked memory
    assert crew.give_back("b")
    crew.done()
    crew.done()
    assert crew.take() == "b"
    assert not crew.give_back("b")
    crew.done()
    assert crew.take() == "a"


def test_nobody_leaves_while_something_may_come_back() -> None:
    crew = Crew("a", most=2)
    crew.widen(2)
    assert crew.take() == "a"
    late: list[str | None] = []
    waiting = threading.Thread(target=lambda: late.append(crew.take()))
    waiting.start()
    time.sleep(0.05)
    assert not late
    assert crew.give_back("a")
    crew.done()
    waiting.join(5)
    assert late == ["a"]


def test_closed() -> None:
    crew = Crew("ab", most=1)
    crew.close()
    assert crew.closed
    assert crew.take() is None


def test_one_thread_that_breaks_down_ends_the_others() -> None:
    stopped = threading.Event()

    def breaking() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        in_threads([lambda: (stopped.wait(10), None)[1], breaking], stopped.set)
    assert stopped.is_set()
