"""URI templates of REST operations, such as ``/endpoints/{EndpointName}/invocations``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote


class Route:
    """A URI template that matches percent-encoded paths. A value in a path has no slash."""

    def __init__(self, template: str) -> None:
        texts_and_names = re.split(r"\{(\w+)\}", template.partition("?")[0])
        pattern = "".join(
            f"(?P<{piece}>[^/]+)" if index % 2 else re.escape(piece) for index, piece in enumerate(texts_and_names)
        )
        self._match = re.compile(pattern).fullmatch

    def match(self, path: str) -> Mapping[str, str] | None:
        match = self._match(path)
        return {name: unquote(value) for name, value in match.groupdict().items()} if match else None
