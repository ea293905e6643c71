"""A bucket's settings (versioning, policy, lifecycle, tags…) as a document of the format of the other services."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from harness.aws.moto.moto_version import moto_version
from harness.aws.moto.saved_state.classes import UnknownClass
from harness.aws.moto.saved_state.decoder import Decoder, FindBackend, Unreadable
from harness.aws.moto.saved_state.encoder import Encoder
from harness.aws.moto.saved_state.migrations import FORMAT, RENAMED_FIELDS
from harness.kernel.errors import StateError

BUCKET = "moto.s3.models.FakeBucket"


def settings_to_text(fields: Mapping[str, Any]) -> str:
    document = {"format": FORMAT, "moto": moto_version(), "fields": Encoder().tree(dict(fields))}
    return json.dumps(document, separators=(",", ":"))


def settings_from_text(bucket: str, text: str, find_backend: FindBackend) -> dict[str, Any]:
    """Return a bucket's settings. Raise ``StateError`` if this harness or this moto cannot read them."""
    try:
        document = json.loads(text)
        if document["format"] != FORMAT:
            raise Unreadable(f"they have format {document['format']}")
        other_moto = document["moto"] != moto_version()
        fields: dict[str, Any] = Decoder(find_backend, other_moto=other_moto).value(document["fields"])
    except (Unreadable, UnknownClass, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StateError(
            f"the settings of the bucket {bucket} cannot be read with moto {moto_version()}: "
            f"{error or type(error).__name__}",
            "use the harness that wrote them, or run `harness reset`",
        ) from error
    renamed = RENAMED_FIELDS.get(BUCKET, {})
    return {renamed.get(name, name): value for name, value in fields.items()}
