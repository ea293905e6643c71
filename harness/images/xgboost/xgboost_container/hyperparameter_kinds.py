"""How one hyperparameter's text becomes a value and is held against its range, with the container's own messages."""

from __future__ import annotations

import ast
from typing import Any

from .errors import AlgorithmError, UserError

FOREVER = (99,)


class Hyperparameter:
    """One row of the table. `since` and `until` (exclusive) are release numbers."""

    def __init__(
        self,
        name: str,
        allowed: Any,
        *,
        required: bool = False,
        since: tuple[int, ...] = (0,),
        until: tuple[int, ...] = FOREVER,
    ) -> None:
        self.name = name
        self.allowed = allowed
        self.required = required
        self.since = since
        self.until = until

    def exists_in(self, release: tuple[int, ...]) -> bool:
        return self.since <= release < self.until

    def parse(self, text: Any) -> Any:
        return text

    def contains(self, value: Any) -> bool:
        return value in self.allowed

    def out_of_range(self, value: Any) -> UserError:
        return UserError("Hyperparameter {}: {} is not in {}".format(self.name, value, self.allowed))

    def parse_text(self, text: Any) -> Any:
        try:
            return self.parse(text)
        except ValueError as error:
            raise UserError("Hyperparameter {}: could not parse value".format(self.name), error) from error

    def check(self, value: Any) -> None:
        try:
            inside = self.contains(value)
        except UserError:
            raise
        except Exception as error:
            raise AlgorithmError(
                "Hyperparameter {}: unexpected failure when validating {}".format(self.name, value), error
            ) from error
        if not inside:
            raise self.out_of_range(value)


class Integer(Hyperparameter):
    def parse(self, text: Any) -> Any:
        return int(text)


class Continuous(Hyperparameter):
    def parse(self, text: Any) -> Any:
        return float(text)


class Categorical(Hyperparameter):
    pass


class ListOf(Hyperparameter):
    """Several values in one text; each must be in the range."""

    def elements(self, value: Any) -> list[Any]:
        return list(value)

    def contains(self, value: Any) -> bool:
        return all(element in self.allowed for element in self.elements(value))

    def out_of_range(self, value: Any) -> UserError:
        return UserError("Hyperparameter {}: value {} not in range {}".format(self.name, value, self.allowed))


class CommaSeparated(ListOf):
    def parse(self, text: Any) -> Any:
        return text.split(",")


class TupleText(ListOf):
    def parse(self, text: Any) -> Any:
        return ast.literal_eval(text)


class NestedListText(ListOf):
    def parse(self, text: Any) -> Any:
        return ast.literal_eval(text)

    def elements(self, value: Any) -> list[Any]:
        return [element for inner in value for element in inner]
