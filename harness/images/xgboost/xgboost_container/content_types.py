"""Names of data formats: what a ContentType string means, and the texts for one that means nothing."""

from __future__ import annotations

from .errors import UserError

CSV = "csv"
LIBSVM = "libsvm"
PARQUET = "parquet"
RECORDIO_PROTOBUF = "recordio-protobuf"

FORMATS = {
    "csv": CSV,
    "libsvm": LIBSVM,
    "parquet": PARQUET,
    "recordio-protobuf": RECORDIO_PROTOBUF,
    "text/csv": CSV,
    "text/libsvm": LIBSVM,
    "text/x-libsvm": LIBSVM,
    "application/x-parquet": PARQUET,
    "application/x-recordio-protobuf": RECORDIO_PROTOBUF,
}
DEFAULT_CONTENT_TYPE = "text/libsvm"


def split_header(value: str) -> tuple[str, dict[str, str]]:
    """A header's main value and its parameters: `text/csv; label_size=1` -> ("text/csv", {"label_size": "1"})."""
    main, _, rest = value.partition(";")
    parameters = {}
    for item in rest.split(";"):
        key, separator, text = item.partition("=")
        if separator:
            parameters[key.strip().lower()] = text.strip().strip('"')
    return main.strip(), parameters


def data_format(content_type: str | None) -> str:
    if content_type is None:
        return LIBSVM
    main, parameters = split_header(content_type.lower())
    if main not in FORMATS:
        raise UserError("{} is not an accepted ContentType: {}.".format(content_type, ", ".join(FORMATS)))
    if FORMATS[main] == CSV and parameters.get("label_size", "1") != "1":
        raise UserError(
            "{} is not an accepted csv ContentType. Optional parameter label_size must be equal to 1".format(
                content_type
            )
        )
    return FORMATS[main]
