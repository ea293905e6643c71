"""Input filter, join and output filter, as the documentation's tables have them."""

from __future__ import annotations

import pytest

from harness.contract.data_processing import CSV, JSON, JSON_LINES, BadData, DataProcessing, Filter

pytestmark = pytest.mark.provenance(
    "documented", source="Developer guide: Associate Prediction Results with Input Records"
)


def processing(input_filter: str = "$", output_filter: str = "$", join: bool = False) -> DataProcessing:
    source = "Input" if join else "None"
    return DataProcessing.of({"InputFilter": input_filter, "OutputFilter": output_filter, "JoinSource": source})


@pytest.mark.parametrize(
    ("given", "model_sees", "written"),
    [
        (processing(join=True), b"1,2,3\n", b"1,2,3,9\n"),
        (processing("$[1:]", join=True), b"2,3\n", b"1,2,3,9\n"),
        (processing("$[1:]", "$[0,-1]", True), b"2,3\n", b"1,9\n"),
        (processing("$[-1]", "$[-1]", True), b"3\n", b"9\n"),
        (processing("$[:2]", "$[1:]", True), b"1,2\n", b"2,3,9\n"),
        (processing("$[2,0]", "$[-1,0]", True), b"3,1\n", b"9,1\n"),
        (processing(output_filter="$[0]"), b"1,2,3\n", b"9\n"),
    ],
)
def test_csv(given: DataProcessing, model_sees: bytes, written: bytes) -> None:
    if given.changes_input:
        assert given.filter_input(b"1,2,3\n", CSV) == model_sees
    assert given.finish(b"1,2,3\n", b"9", CSV) == written


def test_nothing_asked_changes_nothing() -> None:
    assert not processing().changes_input
    assert not processing().changes_output


@pytest.mark.provenance("assumed", source="no named source: how the Go program that joins writes CSV and JSON")
def test_rows_are_joined_one_to_one_and_quoted_where_they_must_be() -> None:
    found = processing(join=True).finish(b'1,"a,b"\r\n\n2," c"\n"3","say ""x"""\n', b"x\ny\nz\n", CSV)
    assert found == b'1,"a,b",x\n2," c",y\n3,"say ""x""",z\n'


@pytest.mark.provenance(
    "recorded", source="issues aws/amazon-sagemaker-examples#898 and aws/sagemaker-tensorflow-serving-container#154"
)
@pytest.mark.parametrize(
    ("row", "why"),
    [
        (b'Tara"ma,1', 'line 2, column 5: bare " in non-quoted-field'),
        (b'1, "a"', 'line 2, column 4: bare " in non-quoted-field'),
        (b'"a"b,1', 'line 2, column 1: extraneous or missing " in quoted-field'),
        (b'1,"a', 'line 2, column 3: extraneous or missing " in quoted-field'),
        (b'1,"a\nb"', 'line 2, column 3: extraneous or missing " in quoted-field'),
    ],
)
def test_a_quote_in_the_wrong_place_is_an_error_and_not_repaired(row: bytes, why: str) -> None:
    with pytest.raises(BadData, match=f"Failed to parse input as CSV: parse error on {why}"):
        processing("$[1:]").filter_input(b"x,0\n" + row + b"\n", CSV)
    with pytest.raises(BadData, match=f"Failed to parse input as CSV: parse error on {why}"):
        processing(join=True).finish(b"x,0\n" + row + b"\n", b"1\n2\n", CSV)
    with pytest.raises(BadData, match=f"Failed to parse output from the algorithm as CSV: parse error on {why}"):
        processing(output_filter="$[0]").finish(b"1\n2\n", b"x,0\n" + row + b"\n", CSV)


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_lines_packed_as_json_are_one_document_each() -> None:
    assert processing("$.a").filter_input(b'{"a": 1}\n{"a": 2}\n', JSON) == b"1\n2"


def test_what_cannot_be_filtered_or_joined_is_named() -> None:
    assert processing("$[1:]").mismatch(CSV, "text/plain") == ""
    assert "TransformInput.ContentType to be one of" in processing("$[1:]").mismatch("image/png", CSV)
    assert "TransformOutput.Accept to be one of" in processing(output_filter="$[0]").mismatch(CSV, "")
    assert "needs the same" in processing(join=True).mismatch(CSV, JSON)
    assert processing().mismatch("image/png", "") == ""


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.parametrize("answer", [b"9", b"9\n8\n7\n"])
def test_rows_that_do_not_match_are_no_join(answer: bytes) -> None:
    with pytest.raises(BadData, match="2 records were sent and"):
        processing(join=True).finish(b"1\n2\n", answer, CSV)


@pytest.mark.parametrize("text", ["$[4]", "$[0,4]", "$[-5]"])
def test_an_index_out_of_range_is_an_error(text: str) -> None:
    with pytest.raises(BadData, match="out of range for 4"):
        processing(output_filter=text, join=True).finish(b"1,2,3\n", b"9", CSV)
    with pytest.raises(BadData, match="out of range for 4"):
        Filter(text).of([1, 2, 3, 4])


@pytest.mark.provenance("assumed", source="no named source: how the Go program that joins writes CSV and JSON")
def test_json_lines_join_adds_the_output_in_byte_order_of_names() -> None:
    sent = b'{"zip": "1", "ISBN": 2, "a": [1.5, null]}\n[1, "\xc3\xbc"]\n'
    found = processing(join=True).finish(sent, b'{"p": 0.5}\n{"p": 1}\n', JSON_LINES)
    assert found == (
        b'{"ISBN":2,"SageMakerOutput":{"p":0.5},"a":[1.5,null],"zip":"1"}\n'
        b'{"SageMakerInput":[1,"\xc3\xbc"],"SageMakerOutput":{"p":1}}\n'
    )


@pytest.mark.provenance("assumed", source="no named source: how the Go program that joins writes CSV and JSON")
@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("1.0", "1"),
        ("-0.0", "-0"),
        ("1e16", "10000000000000000"),
        ("1e20", "100000000000000000000"),
        ("123456789012345683968.0", "123456789012345680000"),
        ("1.5e21", "1.5e+21"),
        ("0.00002", "0.00002"),
        ("-1.25e-5", "-0.0000125"),
        ("1e-6", "0.000001"),
        ("1.5e-7", "1.5e-7"),
        ("0.1", "0.1"),
        ("12345678901234567890", "12345678901234567890"),
        ('"\u00fc<"', '"\u00fc<"'),
        ("[true, null]", "[true,null]"),
    ],
)
def test_joined_json_is_written_as_a_go_program_does(given: str, written: str) -> None:
    found = processing(join=True).finish(b'{"a": %s}' % given.encode(), b"{}", JSON)
    assert found.decode() == f'{{"SageMakerOutput":{{}},"a":{written}}}'


def test_json_is_one_record() -> None:
    given = processing("$.features", "$['id','SageMakerOutput']", True)
    sent = b'{"id": 7, "features": [1, 2], "other": {"x": 1}}'
    assert given.filter_input(sent, JSON) == b"[1,2]"
    assert given.finish(sent, b'{"score": 0.25}', JSON) == b'{"SageMakerOutput":{"score":0.25},"id":7}'


def test_an_existing_output_member_is_overwritten() -> None:
    assert processing(join=True).finish(b'{"SageMakerOutput": 1}', b"2", JSON) == b'{"SageMakerOutput":2}'


@pytest.mark.parametrize(
    ("text", "found"),
    [("$.SageMakerOutput.score", b"0.25"), ("$.SageMakerInput[1:]", b"[2,3]"), ("$.SageMakerInput[-1]", b"3")],
)
def test_paths_into_json(text: str, found: bytes) -> None:
    assert processing(output_filter=text, join=True).finish(b"[1, 2, 3]", b'{"score": 0.25}', JSON) == found


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.parametrize("text", ["$['id','none']", "$.none", "$.id.deeper"])
def test_a_name_that_is_not_there_is_an_error(text: str) -> None:
    with pytest.raises(BadData, match=r"has no 'none'|matches nothing"):
        Filter(text).of({"id": 1})


@pytest.mark.parametrize("text", ["", "id", "$..id", "$[?(@.x > 1)]", "$[", "$.a()", "$['a'"])
def test_what_batch_transform_does_not_take_is_refused(text: str) -> None:
    with pytest.raises(BadData):
        Filter(text)


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_name_may_hold_anything() -> None:
    assert Filter("$['age (years)','why?']").of({"age (years)": 1, "why?": 2, "x": 3}) == {"age (years)": 1, "why?": 2}


@pytest.mark.parametrize("text", ["$.name", "$['a']"])
def test_names_do_not_fit_csv(text: str) -> None:
    with pytest.raises(BadData):
        processing(text).filter_input(b"1,2\n", CSV)


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.parametrize(("body", "kind"), [(b"\xff\xfe", CSV), (b"{", JSON), (b'{"a": 1}\nnot json\n', JSON_LINES)])
def test_data_of_another_kind_is_refused(body: bytes, kind: str) -> None:
    with pytest.raises(BadData, match="Failed to parse input as"):
        processing("$[0]").filter_input(body, kind)


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_an_answer_of_another_kind_is_the_algorithms() -> None:
    for kind in (CSV, JSON):
        with pytest.raises(BadData, match="Failed to parse output from the algorithm as"):
            processing(join=True).finish(b"1\n", b"\xff", kind)
