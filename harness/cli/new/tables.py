"""A user's own table: which column is to be predicted, what kind of learning that is, and which columns can be used."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.asserts.schema import MOST_CATEGORIES, Column, Schema, schema_of_csv
from harness.cli.validate.fixture_folders import LARGEST_MB

LABELS = ("label", "target", "class", "y")
FEWEST_ROWS = 20
_MOST_CLASSES = 10


class Unusable(Exception):
    """Why no scenario can be written, and what to do."""


@dataclass(frozen=True)
class Table:
    """``categories`` are the texts of a column in the order of the numbers that stand for them."""

    file: Path
    label: str
    features: tuple[str, ...]
    categories: dict[str, list[str]]
    objective: str
    classes: int
    worst: float
    notes: tuple[str, ...] = ()

    @property
    def schema(self) -> dict[str, object]:
        return {"label": self.label, "features": list(self.features), "categories": self.categories}


def read_table(file: Path, column: str | None) -> Table:
    size = file.stat().st_size
    if size > LARGEST_MB * 1_000_000:
        raise Unusable(
            f"{file.name} has {size / 1e6:.1f} MB, and a fixture more than {LARGEST_MB} MB does not "
            "belong in a project: begin with a sample of it, or without --data and have make.py make the table"
        )
    schema = _schema(file)
    names = [column.name for column in schema.columns]
    label = _label(file, names, column)
    answers = [row[label] for row in _rows(file) if row[label]]
    if len(answers) < FEWEST_ROWS:
        raise Unusable(f"{file.name} has {len(answers)} rows with a {label}; {FEWEST_ROWS} are needed")
    features, categories, notes = _features([column for column in schema.columns if column.name != label])
    if not features:
        raise Unusable(f"{file.name} has no column to predict {label} from: numbers, or text of few different values")
    objective, values = _objective(file, schema.column(label), answers)
    if values and values != [str(number) for number in range(len(values))]:
        categories[label] = values
    notes = [f"{label} is what is predicted ({objective})", *notes, "its source and licence: say them in the README.md"]
    return Table(
        file, label, tuple(features), categories, objective, len(values), _worst(objective, answers), tuple(notes)
    )


def _schema(file: Path) -> Schema:
    try:
        schema = schema_of_csv(file, rows=1_000_000)
    except (ValueError, csv.Error) as error:  # UnicodeDecodeError is a ValueError
        raise Unusable(f"{file.name} is no table: {error}; a CSV file in UTF-8 with a header is needed") from error
    names = [column.name for column in schema.columns]
    if len(names) < 2:
        hint = (
            "it seems to be separated by something else" if any(c in names[0] for c in ";\t|") else "it has one column"
        )
        raise Unusable(f"{file.name}: columns must be separated by commas, and there must be two or more; {hint}")
    if len(set(names)) < len(names) or not all(name.strip() for name in names):
        raise Unusable(f"{file.name}: each column needs a name of its own in the first line; it is {','.join(names)}")
    if all(map(_is_number, names)):
        raise Unusable(f"{file.name} has no header: put a line of column names above {','.join(names[:5])}…")
    for number, row in enumerate(_cells(file), 1):
        if row and len(row) != len(names):
            raise Unusable(f"{file.name}:{number} has {len(row)} cells, the header has {len(names)}")
    return schema


def _label(file: Path, names: Sequence[str], column: str | None) -> str:
    if column is not None and column not in names:
        raise Unusable(f"{file.name} has no column {column!r}; it has {', '.join(names)}")
    usual = (name for known in LABELS for name in names if name.strip().lower() == known)
    return column or next(usual, names[0])


def _features(columns: Sequence[Column]) -> tuple[list[str], dict[str, list[str]], list[str]]:
    kept, categories, notes = list[str](), dict[str, list[str]](), list[str]()
    for column in columns:
        if column.kind == "String" and not column.values:
            notes.append(f"{column.name} is left out: text of more than {MOST_CATEGORIES} different values, or none")
            continue
        kept.append(column.name)
        if column.kind == "String":
            categories[column.name] = sorted(column.values)
    return kept, categories, notes


def _objective(file: Path, label: Column, answers: Sequence[str]) -> tuple[str, list[str]]:
    """XGBoost's name for the kind of learning, and the classes in the order of their numbers."""
    values = set(answers)
    if len(values) == 1:
        raise Unusable(f"{file.name}: {label.name} is always {answers[0]!r}; choose another column with --label")
    if label.kind == "String":
        if len(values) > _MOST_CLASSES:
            raise Unusable(
                f"{file.name}: {label.name} is text of {len(values)} different values, too many to tell apart; "
                "choose another column with --label"
            )
        classes = sorted(values)
    elif len(values) == 2 or (label.kind == "Integral" and len(values) <= _MOST_CLASSES):
        classes = sorted(values, key=float)
    else:
        return "reg:squarederror", []
    return ("binary:logistic" if len(classes) == 2 else "multi:softmax"), classes


def _worst(objective: str, answers: Sequence[str]) -> float:
    """Twice the loss of a model that gives everyone the average answer: what any real model stays below."""
    if objective == "reg:squarederror":
        numbers = [float(answer) for answer in answers]
        mean = math.fsum(numbers) / len(numbers)
        return 2 * math.sqrt(math.fsum((number - mean) ** 2 for number in numbers) / len(numbers))
    shares = [count / len(answers) for count in Counter(answers).values()]
    return -2 * math.fsum(share * math.log(share) for share in shares)


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _cells(file: Path) -> list[list[str]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.reader(stream))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
