"""Listing objects and versions page by page, and buckets whose versioning is suspended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

from harness.aws.moto.s3_listing import Question, SortedNames, walk
from tests.aws.moto.serving import Served

NAMES = ("asdf", "boo/bar", "boo/baz/xyzzy", "cquux/bla", "cquux/thud")


@pytest.fixture
def s3(served: Served) -> Any:
    client = served.client("s3")
    client.create_bucket(Bucket="bucket")
    return client


def put(s3: Any, *names: str) -> None:
    for name in names:
        s3.put_object(Bucket="bucket", Key=name, Body=b"")


def status(refused: Any) -> int:
    return int(refused.value.response["ResponseMetadata"]["HTTPStatusCode"])


class Counted(Sequence[str]):
    """Names that count how often they are looked at."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.looks = 0

    def __getitem__(self, place: Any) -> Any:
        self.looks += 1
        return self.names[place]

    def __len__(self) -> int:
        return len(self.names)


def test_a_page_looks_at_what_it_shows() -> None:
    looks = []
    for size in (1_000, 100_000):
        names = Counted([f"{number // 100:05}/{number:06}" for number in range(size)])
        entries = walk(names, Question(delimiter="/", after=f"{size // 200:05}/"), lambda name: True)
        found = [next(entries).name for _ in range(3)]
        assert found == [f"{size // 200 + more:05}/" for more in (1, 2, 3)]
        looks.append(names.looks)
    assert looks[1] < 3 * looks[0] < 500


def test_names_stay_sorted() -> None:
    names = SortedNames()
    for name in ("b", "a", "é", "a/b", "Z"):
        names.add(name)
    names.remove("b")
    names.remove("not there")
    assert names.names == ["Z", "a", "a/b", "é"]
    assert list(names.beginning_with("a")) == ["a", "a/b"]


@pytest.mark.parametrize("size", [1, 2, 5])
def test_keys_and_common_prefixes_count_together(s3: Any, size: int) -> None:
    put(s3, *NAMES)
    for operation in ("list_objects", "list_objects_v2"):
        found = []
        for page in s3.get_paginator(operation).paginate(
            Bucket="bucket", Delimiter="/", PaginationConfig={"PageSize": size}
        ):
            shown = [one["Key"] for one in page.get("Contents", [])]
            shown += [one["Prefix"] for one in page.get("CommonPrefixes", [])]
            assert len(shown) <= size
            found += shown
        assert found == ["asdf", "boo/", "cquux/"]
    page = s3.list_objects(Bucket="bucket", MaxKeys=1, Marker="boo/a", Delimiter="/")
    assert (page["CommonPrefixes"], page["NextMarker"]) == ([{"Prefix": "boo/"}], "boo/")
    assert "NextMarker" not in s3.list_objects(Bucket="bucket", MaxKeys=1)
    empty = s3.list_objects_v2(Bucket="bucket", MaxKeys=0)
    assert (empty["KeyCount"], empty["IsTruncated"]) == (0, False)


def test_keys_of_any_letters_come_back(s3: Any) -> None:
    names = ["a b+c", "é/€", "<&>", "%41", "x\x01y"]
    put(s3, *names)
    assert sorted(one["Key"] for one in s3.list_objects_v2(Bucket="bucket")["Contents"]) == sorted(names)
    assert sorted(one["Key"] for one in s3.list_object_versions(Bucket="bucket")["Versions"]) == sorted(names)
    page = s3.list_objects_v2(Bucket="bucket", Prefix="é", Delimiter="/")
    assert (page["Prefix"], page["CommonPrefixes"]) == ("é", [{"Prefix": "é/"}])


def test_deleted_keys_are_not_listed_and_make_no_prefix(s3: Any) -> None:
    s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    put(s3, "a/gone", "b/gone", "b/stays")
    for name in ("a/gone", "b/gone"):
        s3.delete_object(Bucket="bucket", Key=name)
    page = s3.list_objects_v2(Bucket="bucket", Delimiter="/")
    assert [one["Prefix"] for one in page["CommonPrefixes"]] == ["b/"]
    assert [one["Key"] for one in s3.list_objects(Bucket="bucket")["Contents"]] == ["b/stays"]


@pytest.mark.parametrize("versioned", [False, True])
def test_emptying_a_bucket_page_by_page_leaves_nothing(s3: Any, versioned: bool) -> None:
    if versioned:
        s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    put(s3, *(f"k/{number % 25:02}" for number in range(75)))
    markers: dict[str, str] = {}
    while True:
        page = s3.list_object_versions(Bucket="bucket", MaxKeys=7, **markers)
        gone = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in page.get("Versions", [])]
        s3.delete_objects(Bucket="bucket", Delete={"Objects": gone})
        if not page["IsTruncated"]:
            break
        markers = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
    assert "Versions" not in s3.list_object_versions(Bucket="bucket")
    s3.delete_bucket(Bucket="bucket")


def test_versions_with_a_delimiter(s3: Any) -> None:
    put(s3, *NAMES)
    found = []
    for page in s3.get_paginator("list_object_versions").paginate(
        Bucket="bucket", Delimiter="/", PaginationConfig={"PageSize": 1}
    ):
        found += [one["Key"] for one in page.get("Versions", [])]
        found += [one["Prefix"] for one in page.get("CommonPrefixes", [])]
    assert found == ["asdf", "boo/", "cquux/"]


def test_tokens_and_markers_that_make_no_sense(s3: Any) -> None:
    for call in (
        lambda: s3.list_objects_v2(Bucket="bucket", ContinuationToken="nonsense"),
        lambda: s3.list_object_versions(Bucket="bucket", VersionIdMarker="x"),
        lambda: s3.list_objects(Bucket="bucket", MaxKeys=-1),
    ):
        with pytest.raises(ClientError) as refused:
            call()
        assert (refused.value.response["Error"]["Code"], status(refused)) == ("InvalidArgument", 400)


def test_a_version_that_a_bucket_without_versions_does_not_have_deletes_nothing(s3: Any) -> None:
    put(s3, "k")
    with pytest.raises(ClientError) as refused:
        s3.delete_object(Bucket="bucket", Key="k", VersionId="other")
    assert status(refused) == 400
    s3.head_object(Bucket="bucket", Key="k")


def test_suspended_versioning_knows_its_versions(s3: Any) -> None:
    put(s3, "k")
    assert "VersionId" not in s3.get_object(Bucket="bucket", Key="k")
    s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_object(Bucket="bucket", Key="k")["VersionId"] == "null"
    version = s3.put_object(Bucket="bucket", Key="k", Body=b"kept")["VersionId"]
    s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Suspended"})
    for operation in (s3.head_object, s3.get_object):
        for wanted in (version, "null"):
            assert operation(Bucket="bucket", Key="k", VersionId=wanted)["VersionId"] == wanted
    source = {"Bucket": "bucket", "Key": "k", "VersionId": version}
    s3.copy_object(Bucket="bucket", Key="k", CopySource=source, MetadataDirective="REPLACE")
    shown = s3.list_object_versions(Bucket="bucket")["Versions"]
    assert [(one["VersionId"], one["IsLatest"]) for one in shown] == [("null", True), (version, False)]


def test_delete_markers_answer_for_themselves(s3: Any) -> None:
    s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    for operation in (s3.get_object, s3.head_object):
        marker = s3.delete_object(Bucket="bucket", Key="never there")
        assert marker["DeleteMarker"]
        for version, expected in (({}, 404), ({"VersionId": marker["VersionId"]}, 405)):
            with pytest.raises(ClientError) as refused:
                operation(Bucket="bucket", Key="never there", **version)
            headers = refused.value.response["ResponseMetadata"]["HTTPHeaders"]
            assert (status(refused), headers["x-amz-delete-marker"]) == (expected, "true")
            assert headers["x-amz-version-id"] == marker["VersionId"]
