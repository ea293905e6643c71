"""Object graphs as documents: what is kept of them, and what is never written or built."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections import OrderedDict, defaultdict, deque
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from moto.ecr.models import RepoTagMutability
from moto.iam.models import AccountSummary, IAMBackend, PolicyVersion
from moto.kms.utils import ECDSAPrivateKey, RSAPrivateKey
from moto.secretsmanager.models import SecretsStore
from moto.ssm.models import ParameterDict, SimpleSystemManagerBackend
from moto.utilities.tagging_service import TaggingService
from requests.structures import CaseInsensitiveDict

from harness.aws.moto.saved_state import migrations
from harness.aws.moto.saved_state.decoder import Decoder, Unreadable
from harness.aws.moto.saved_state.encoder import Encoder, Unstorable
from harness.aws.moto.saved_state.new_fields import add_new_fields


def no_backend(*name: str) -> Any:
    raise AssertionError(name)


def there_and_back(value: Any) -> Any:
    return Decoder(no_backend).value(json.loads(json.dumps(Encoder().tree(value))))


@pytest.mark.parametrize(
    "value",
    [
        None, True, 7, 2**70, 1.5, float("inf"), "ü\ud800\n", "", [], {}, (), set(), b"\0\xff", bytearray(b"x"),
        {"a": [1, {"b": (2, [3])}]}, {1: "a", (1, 2): "b", None: "c"}, {"$ref": 1, "a": 2}, {"a", "b"}, frozenset({1}),
        datetime.fromisoformat("2026-01-02T03:04:05.000006"),
        datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=2))), date(2026, 1, 2),
        timedelta(days=-1, microseconds=3), Decimal("1.10"), UUID(int=5), RepoTagMutability.IMMUTABLE,
        OrderedDict([("b", 1), ("a", 2)]), defaultdict(list, a=[1]), deque([1, 2]), CaseInsensitiveDict(Ab="c"),
        re.compile("a.b", re.IGNORECASE),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_values_come_back_as_they_were(value: Any) -> None:
    found = there_and_back(value)
    assert type(found) is type(value)
    assert found == value
    assert list(found) == list(value) if isinstance(value, OrderedDict) else True
    assert found.default_factory is list if isinstance(value, defaultdict) else True


def test_what_is_shared_stays_shared() -> None:
    tagger, plain, items = TaggingService(), {"a": 1}, [1]
    found = there_and_back({"one": [tagger, plain, items], "two": (tagger, plain, items), "three": {tagger}})
    assert all(first is second for first, second in zip(found["one"], found["two"], strict=True))
    assert found["three"] == {found["one"][0]}
    circle: list[Any] = [tagger]
    tagger.tags["circle"] = circle  # type: ignore[assignment]
    found = there_and_back(circle)
    assert found[0].tags["circle"] is found


def test_models_are_their_fields_by_name_and_no_constructor_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    version = PolicyVersion("arn", "{}", True)
    document = Encoder().tree(version)
    assert document["$type"] == "moto.iam.models.PolicyVersion"
    assert document["policy_arn"] == "arn"
    monkeypatch.setattr(PolicyVersion, "__init__", lambda *given: pytest.fail("a constructor ran"))
    assert vars(Decoder(no_backend).value(document)) == vars(version)


def test_dictionaries_of_motos_own_are_not_asked() -> None:
    secrets = SecretsStore()
    dict.__setitem__(secrets, "name", "value")  # type: ignore[arg-type]  # its own methods would look for ``.arn``
    found = there_and_back(secrets)
    assert type(found) is SecretsStore
    assert dict(dict.items(found)) == {"name": "value"}
    parameters = there_and_back(ParameterDict("1", "us-east-1"))
    assert (parameters.account_id, parameters.default_factory, parameters.latest_amis_loaded) == ("1", list, False)


def test_keys_sign_as_before_and_locks_are_new() -> None:
    for key, algorithm in (
        (RSAPrivateKey(2048), "RSASSA_PSS_SHA_256"),
        (ECDSAPrivateKey("ECC_NIST_P256"), "ECDSA_SHA_256"),
    ):
        signature = key.sign(b"text", algorithm)
        assert there_and_back(key).verify(b"text", signature, algorithm)
    for lock in (threading.Lock(), threading.RLock(), threading.Condition(), threading.Event()):
        found = there_and_back(lock)
        assert type(found) is type(lock)
        assert found is not lock


def test_a_back_end_keeps_what_cannot_be_written() -> None:
    backend = SimpleSystemManagerBackend("us-east-1", "1")
    backend._resource_tags["Parameter"]["p"]["a"] = "b"
    document = json.loads(json.dumps(Encoder().backend(backend)))
    other = SimpleSystemManagerBackend("us-east-1", "1")
    Decoder(no_backend).backend(document, other)
    assert other._resource_tags["Parameter"]["p"] == {"a": "b"}
    other._resource_tags["new"]["p"]["a"] = "c"  # the factory of the factory is that of a new back end


def test_other_back_ends_are_named_not_copied() -> None:
    backend = IAMBackend("aws", "123456789012")
    document = Encoder().backend(backend)
    assert document["account_summary"]["_iam_backend"] == {"$backend": ["iam", "123456789012", "aws"]}
    found = Decoder(lambda *name: name).value(document["account_summary"])
    assert isinstance(found, AccountSummary)
    assert found._iam_backend == ("iam", "123456789012", "aws")  # type: ignore[comparison-overlap]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [TaggingService, 1]}, "a.[] is a builtins.type"),
        ({"a": {"b": print}}, "a.b is a builtins.builtin_function_or_method"),
        ({"a": threading.current_thread()}, "a is a threading._MainThread"),
        ({"a": ValueError("x")}, "a is a builtins.ValueError"),
    ],
)
def test_what_has_no_form_is_named_with_its_place(value: Any, text: str) -> None:
    with pytest.raises(Unstorable) as refused:
        Encoder().tree(value)
    assert str(refused.value) == text


@pytest.mark.parametrize(
    "name",
    [
        "os.system", "subprocess.Popen", "builtins.eval", "moto.iam.models.json", "moto.iam.models.datetime",
        "moto.iam.exceptions.IAMNotFoundException", "moto.iam.models.create_access_key", "moto.iam.nothing.Role",
        "moto.iam.models.Nothing", "moto.awslambda.models.LambdaFunction", "moto.server.DomainDispatcherApplication",
        "moto.iam.responses.IamResponse", "harness.kernel.clock.Clock", "Role",
    ],
)  # fmt: skip
def test_no_other_class_is_built(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", lambda *given: pytest.fail("it ran"))
    for node in ({"$type": name, "args": ["true"]}, {"$enum": name, "name": "x"}):
        with pytest.raises(Unreadable, match=re.escape(name)):
            Decoder(no_backend).value(node)


def test_a_kind_of_a_later_format_is_refused() -> None:
    with pytest.raises(Unreadable, match=r"\$later"):
        Decoder(no_backend).value({"a": {"$later": 1}})
    with pytest.raises(Unreadable, match="GONE of moto"):
        Decoder(no_backend).value({"$enum": "moto.ecr.models.RepoTagMutability", "name": "GONE"})


def test_renamed_classes_and_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(migrations.RENAMED_CLASSES, "moto.iam.models.Version", "moto.iam.models.PolicyVersion")
    monkeypatch.setitem(migrations.RENAMED_FIELDS, "moto.iam.models.PolicyVersion", {"default": "is_default"})
    found = Decoder(no_backend).value({"$type": "moto.iam.models.Version", "default": True, "extra": 1})
    assert isinstance(found, PolicyVersion)
    assert vars(found) == {"is_default": True, "extra": 1}


def test_new_fields_have_the_value_that_the_constructor_gives(caplog: pytest.LogCaptureFixture) -> None:
    module = pytest.importorskip("tests.aws.moto.saved_state.moto_like")
    fields = {"name": "kept"}
    add_new_fields(module.Model, fields)
    assert fields == {
        "name": "kept", "state": "ACTIVE", "tags": {}, "versions": [], "retries": 3, "labels": ["a"],
        "counts": defaultdict(int), "owner": None,
    }  # fmt: skip
    assert [record.message for record in caplog.records] == [
        "moto.like.models.Model has a new field owner; it is None in what was stored before"
    ]
    second: dict[str, Any] = {"name": "other", "owner": "x"}
    add_new_fields(module.Model, second)
    assert second["tags"] is not fields["tags"]
