from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from harness.asserts import classification

ROWS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.7, 0.99, 1.0])), min_size=2
).filter(lambda rows: {label for label, _ in rows} == {0, 1})


@given(ROWS)
def test_every_score_agrees_with_scikit_learn(rows: list[tuple[int, float]]) -> None:
    labels, scores = [label for label, _ in rows], [score for _, score in rows]
    predicted = [int(score >= 0.5) for score in scores]
    found = classification(labels, scores)
    assert found.confusion == metrics.confusion_matrix(labels, predicted).tolist()
    assert found.auc == pytest.approx(metrics.roc_auc_score(labels, scores))
    expected = {
        "accuracy": metrics.accuracy_score(labels, predicted),
        "precision": metrics.precision_score(labels, predicted, zero_division=0),
        "recall": metrics.recall_score(labels, predicted),
        "f1": metrics.f1_score(labels, predicted),
        "auc": found.auc,
    }
    assert found.metrics == pytest.approx(expected)


def test_the_curve_is_thinned_for_the_report_but_keeps_its_ends() -> None:
    labels = [number % 2 for number in range(2000)]
    evidence = classification(labels, [number / 2000 for number in range(2000)]).evidence()
    assert len(evidence["roc"]) < 200
    assert (evidence["roc"][0], evidence["roc"][-1]) == ((0.0, 0.0), (1.0, 1.0))


@pytest.mark.parametrize(("labels", "scores"), [([0, 1], [0.5]), ([1, 1], [0.5, 0.6]), ([0, 2], [0.1, 0.2])])
def test_what_is_not_binary_is_refused(labels: list[int], scores: list[float]) -> None:
    with pytest.raises(ValueError, match="labels of values"):
        classification(labels, scores)


def test_scores_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="1 of 2 scores are no finite numbers, such as nan"):
        classification([0, 1], [0.5, float("nan")])


def test_scores_are_counted_by_class_in_equal_bins() -> None:
    scores = classification([0, 0, 1, 1], [0.0, 0.01, 0.5, 1.0]).scores
    assert (scores["edges"][0], scores["edges"][-1], len(scores["edges"])) == (0.0, 1.0, 21)
    assert [sum(counts) for counts in scores["counts"]] == [2, 2]
    assert (scores["counts"][0][0], scores["counts"][1][10], scores["counts"][1][19]) == (2, 1, 1)
    margins = classification([0, 1], [-3.0, 5.0]).scores
    assert (margins["edges"][0], margins["edges"][-1]) == (-3.0, 5.0)
    assert (margins["counts"][0][0], margins["counts"][1][19]) == (1, 1)
