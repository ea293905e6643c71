from __future__ import annotations

import re
import warnings

import pytest

from harness.protocol import service_model
from harness.protocol.patterns import matcher, translate

SERVICES = ("sagemaker", "sagemaker-runtime", "sagemaker-metrics", "sagemaker-featurestore-runtime")
TAG_KEY = r"([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)${1,128}"


@pytest.mark.parametrize("service", SERVICES)
def test_every_pattern_of_the_models_compiles_without_a_warning(service: str) -> None:
    model = service_model(service)
    found = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in model.shape_names:
            shape = model.shape(name)
            if shape.pattern is not None:
                re.compile(translate(shape.pattern))
                shape.matches("probe")
                found += 1
    assert found > 0 or service == "sagemaker-metrics"


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        (r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", "my-job-1", True),
        (r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", "my_job", False),
        (r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", "my-job-", False),
        (r"[a-z]*", "abc\n", False),
        (TAG_KEY, "größe: 1/2 @ö", True),
        (TAG_KEY, "no#hash", False),
        (TAG_KEY, "e\u0301", False),
        (r"[\p{L}\p{M}\p{S}\p{N}\p{P}]+", "e\u0301€_", True),
        (r"[\p{L}\p{M}\p{S}\p{N}\p{P}]+", "two words", False),
        (r"\p{ASCII}*", "plain", True),
        (r"\p{ASCII}*", "ü", False),
        (r"\A\S[\p{Print}]*\z", "a b", True),
        (r"\A\S[\p{Print}]*\z", " a", False),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*", "smile \U0001f600\t", True),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*", "bell \x07", False),
    ],
)
def test_a_java_pattern_matches_whole_values(pattern: str, value: str, fits: bool) -> None:
    assert matcher(pattern)(value) is fits
