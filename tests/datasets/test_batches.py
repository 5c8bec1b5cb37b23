"""Batches of subjects: whole, in order, of about one size, and cut where files end."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from accordance.datasets.batches import OVER, UNDER, cut

COUNTS = st.dictionaries(
    st.integers(0, 60).map(lambda number: f"{number:02d}"), st.integers(1, 50), min_size=1, max_size=40
)


@settings(max_examples=300, deadline=None)
@given(counts=COUNTS, target=st.integers(1, 400), data=st.data())
def test_every_subject_is_in_one_batch_and_in_order(
    counts: dict[str, int], target: int, data: st.DataObject
) -> None:
    ends = data.draw(st.sets(st.sampled_from(sorted(counts))))
    found = cut([counts], target, ends=ends)
    assert [subject for batch in found for subject in batch] == sorted(counts)
    assert all(found)
    largest = max(counts.values())
    assert all(sum(counts[subject] for subject in batch) <= OVER * target + largest for batch in found)


def test_files_that_fill_batches_are_cut_into_equal_ones() -> None:
    files = [[f"{file}{subject:02d}" for subject in range(50)] for file in range(3)]
    counts = {subject: 110 for file in files for subject in file}
    found = cut([counts], target=2500, ends=[file[-1] for file in files])
    assert [len(batch) for batch in found] == [25] * 6
    assert [batch[0] for batch in found] == ["000", "025", "100", "125", "200", "225"]


def test_a_file_that_nearly_fills_a_batch_is_one() -> None:
    counts = {"a1": 40, "a2": 40, "b1": 30, "b2": 30, "c1": 10, "d1": 10}
    assert cut([counts], target=100, ends=["a2", "b2", "c1", "d1"]) == [
        ("a1", "a2"),
        ("b1", "b2", "c1", "d1"),
    ]
    assert 80 > UNDER * 100 > 60


def test_files_of_one_subject_are_put_together_until_a_batch_is_full() -> None:
    counts = {f"{number:02d}": 40 for number in range(7)}
    found = cut([counts], target=100, ends=list(counts))
    assert [len(batch) for batch in found] == [3, 3, 1]
