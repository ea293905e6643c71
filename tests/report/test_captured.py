from __future__ import annotations

from typing import Any

from harness.report.captured import MOST_RECORDS, MOST_ROWS, summarise_traffic


def record(asked: str, answered: str, encoding: str = "CSV", **more: Any) -> dict[str, Any]:
    side = {"observedContentType": "text/csv", "encoding": encoding}
    data = {"endpointInput": {**side, "data": asked}, "endpointOutput": {**side, "data": answered}}
    return {"captureData": data, "eventMetadata": {"eventId": "e", "inferenceTime": "2026-11-22T10:00:00Z"}, **more}


def test_the_first_is_a_table_and_the_others_are_lines() -> None:
    shown = summarise_traffic([record("1,2\n3,4", "0.5\n0.25\n"), record("5,6", "1")])
    assert shown.request is not None
    assert shown.request.table == (("1", "2"), ("3", "4"))
    assert [(line.request, line.response) for line in shown.others] == [("5,6", "1")]
    assert shown.answers == (0.5, 0.25, 1.0)
    assert shown.left_out == 0


def test_of_many_records_and_rows_the_rest_is_counted() -> None:
    shown = summarise_traffic([record("\n".join(["1,2"] * 99), "0.5")] * 500)
    assert shown.request is not None
    assert (len(shown.request.table), shown.request.rows) == (MOST_ROWS, 99)
    assert (shown.count, len(shown.others), shown.left_out) == (500, MOST_RECORDS, 500 - 1 - MOST_RECORDS)
    assert len(shown.others[0].request) < 10


def test_json_is_laid_out_and_labels_are_no_numbers() -> None:
    shown = summarise_traffic([record('{"a": 1}', "cat", encoding="JSON")])
    assert shown.request is not None
    assert shown.request.text == '{\n  "a": 1\n}'
    assert shown.answers == ()
    assert summarise_traffic([record("1", "cat")]).answers == ()
    assert summarise_traffic([]).first is None
