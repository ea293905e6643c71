"""A model as a later moto may have it."""

from __future__ import annotations

from collections import defaultdict
from typing import Any


class Model:
    __module__ = "moto.like.models"

    def __init__(self, name: str, owner: str, tags: dict[str, str] | None = None, retries: int = 3) -> None:
        self.name = name
        self.owner = owner.upper()
        self.state = "ACTIVE"
        self.tags = tags or {}
        self.versions: list[str] = list()  # noqa: C408  as moto writes it
        self.retries = retries
        self.labels = ["a"]
        self.counts: dict[str, int] = defaultdict(int)
        self.shown = name
        if owner:
            self.sometimes = 1

    @property
    def shown(self) -> str:
        return self.name

    @shown.setter
    def shown(self, value: Any) -> None:
        pass
