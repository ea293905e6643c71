"""URI templates of REST operations: ``/endpoints/{EndpointName}/invocations``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote


class Route:
    """Matches percent-encoded paths; ``{Name+}`` may span slashes."""

    def __init__(self, template: str) -> None:
        self.template = template.partition("?")[0]
        pieces = re.split(r"\{(\w+\+?)\}", self.template)
        pattern = ""
        for index, piece in enumerate(pieces):
            if index % 2 == 0:
                pattern += re.escape(piece)
            else:
                pattern += f"(?P<{piece.rstrip('+')}>{'.+' if piece.endswith('+') else '[^/]+'})"
        self._match = re.compile(pattern).fullmatch

    def match(self, path: str) -> Mapping[str, str] | None:
        found = self._match(path)
        return {name: unquote(value) for name, value in found.groupdict().items()} if found else None
