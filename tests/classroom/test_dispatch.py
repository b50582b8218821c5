"""Every submission is graded once, whoever dies; one that kills is set aside after the second, and no other is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autograder.classroom.dispatch import AHEAD, BATCH, Dispatch


def hand_out(dispatch, *workers):
    """The batches that each worker has got, in turn, until all have enough."""
    found = {worker: [] for worker in workers}
    for worker in workers:
        while batch := dispatch.take(worker):
            found[worker].append(batch)
    return found


def joined(count, *workers, lines=1):
    dispatch = Dispatch(count)
    for worker in workers:
        dispatch.join(worker, lines)
    return dispatch


class TestInOrder:
    def test_each_worker_has_some_ahead_and_gets_the_next_for_each_that_is_done(self):
        dispatch = joined(7, "a", "b")
        assert hand_out(dispatch, "a", "b") == {"a": [[0], [1]], "b": [[2], [3]]}
        assert dispatch.done("a", [0])
        assert hand_out(dispatch, "a", "b") == {"a": [[4]], "b": []}
        assert (dispatch.in_hand, dispatch.waiting) == (4, 2)

    def test_a_worker_of_many_lines_gets_more(self):
        assert len(hand_out(joined(100, "a", lines=8), "a")["a"]) == 8 * AHEAD

    def test_many_go_in_large_batches_and_the_last_one_by_one(self):
        dispatch = joined(1_000, "a")
        sizes = []
        while batch := dispatch.take("a"):
            sizes.append(len(batch))
            dispatch.done("a", batch)
        assert (sizes[0], sizes[-1], sum(sizes)) == (BATCH, 1, 1_000)
        assert sizes == sorted(sizes, reverse=True)

    def test_nobody_gets_anything_who_has_not_joined(self):
        assert joined(3, "a").take("b") == []

    def test_an_answer_that_nobody_waits_for_does_not_count(self):
        dispatch = joined(3, "a")
        hand_out(dispatch, "a")
        assert not dispatch.done("a", [2])
        assert not dispatch.done("b", [0])
        dispatch.lose("a")
        assert not dispatch.done("a", [0])
        assert (dispatch.in_hand, dispatch.waiting) == (0, 3)


class TestDeath:
    def test_what_a_dead_worker_had_goes_first_each_alone(self):
        dispatch = joined(9, "a", "b", "c")
        hand_out(dispatch, "a", "b", "c")
        assert dispatch.lose("a") == []
        for worker, number in (("b", 2), ("c", 4)):
            dispatch.done(worker, [number])
        # Both are kept free until they have nothing else.
        assert hand_out(dispatch, "b", "c") == {"b": [], "c": []}
        dispatch.done("b", [3])
        dispatch.done("c", [5])
        assert hand_out(dispatch, "b", "c") == {"b": [[0]], "c": [[1]]}
        dispatch.done("b", [0])
        assert hand_out(dispatch, "b", "c") == {"b": [[6], [7]], "c": []}

    def test_one_that_a_second_dies_with_is_set_aside_and_its_neighbours_are_not(self):
        dispatch = joined(4, "a", "b")
        hand_out(dispatch, "a")
        assert dispatch.lose("a") == []
        assert hand_out(dispatch, "b") == {"b": [[0]]}
        assert dispatch.lose("b") == [0]
        dispatch.join("c", 1)
        assert hand_out(dispatch, "c") == {"c": [[1]]}
        dispatch.done("c", [1])
        assert hand_out(dispatch, "c") == {"c": [[2], [3]]}

    def test_the_only_worker_grades_suspects_too(self):
        dispatch = joined(3, "a")
        hand_out(dispatch, "a")
        dispatch.lose("a")
        dispatch.join("a", 1)
        for number in (0, 1):
            assert hand_out(dispatch, "a") == {"a": [[number]]}
            dispatch.done("a", [number])
        assert hand_out(dispatch, "a") == {"a": [[2]]}

    def test_one_suspect_takes_one_worker_from_the_others_work(self):
        dispatch = joined(9, "a", "b")
        hand_out(dispatch, "a", "b")
        dispatch.lose("a")
        assert dispatch.take("b") == []
        for worker in "cd":
            dispatch.join(worker, 1)
        assert hand_out(dispatch, "c", "d") == {"c": [[0]], "d": [[4], [5]]}
        dispatch.done("b", [2])
        dispatch.done("b", [3])
        assert hand_out(dispatch, "b") == {"b": [[1]]}

    def test_a_worker_that_dies_while_it_is_kept_free_keeps_nobody_waiting(self):
        dispatch = joined(4, "a", "b")
        hand_out(dispatch, "a", "b")
        dispatch.lose("a")
        assert dispatch.take("b") == []
        dispatch.lose("b")
        dispatch.join("c", 1)
        assert hand_out(dispatch, "c") == {"c": [[0]]}


@given(st.data())
def test_whoever_dies_all_are_done_once_and_only_killers_are_set_aside(data):
    count = data.draw(st.integers(1, 200), "submissions")
    killers = data.draw(st.sets(st.integers(0, count - 1), max_size=4), "killers")
    accidents = data.draw(st.integers(0, 1), "workers that die of something else")
    dispatch = joined(count, "0", "1", "2", lines=data.draw(st.integers(1, 3), "lines"))
    done, aside, names = [], [], 3
    in_hand = {}
    for _ in range(2_000):
        for worker in dispatch.workers:
            in_hand.setdefault(worker, []).extend(hand_out(dispatch, worker)[worker])
        busy = [worker for worker in dispatch.workers if in_hand[worker]]
        if not busy:
            break
        worker = data.draw(st.sampled_from(busy), "worker")
        batch = data.draw(st.sampled_from(in_hand[worker]), "batch")
        died_of_it = not killers.isdisjoint(batch)
        # Of an accident one may die with others in hand: those are suspects once, and never set aside.
        accident = accidents and len(in_hand[worker]) > 1 and data.draw(st.booleans(), "accident")
        if died_of_it or accident:
            accidents -= bool(accident and not died_of_it)
            in_hand.pop(worker)
            aside += dispatch.lose(worker)
            dispatch.join(str(names), 1)
            names += 1
        else:
            in_hand[worker].remove(batch)
            assert dispatch.done(worker, batch)
            done += batch
    assert sorted(done + aside) == list(range(count))
    assert set(aside) == killers
    assert (dispatch.in_hand, dispatch.waiting) == (0, 0)


def test_a_class_of_100_000_on_1000_workers_is_handed_out_in_few_calls():
    """Each batch is asked for once, and once in vain when a worker has enough."""
    dispatch = joined(100_000, *map(str, range(1_000)))
    asked = 0
    in_hand = {worker: hand_out(dispatch, worker)[worker] for worker in dispatch.workers}
    while dispatch.in_hand:
        for worker, batches in in_hand.items():
            for batch in batches:
                dispatch.done(worker, batch)
            in_hand[worker] = hand_out(dispatch, worker)[worker]
            asked += len(in_hand[worker]) + 1
    assert asked < 50_000
