"""The channels that a training job may have, and the forms in which each is accepted."""

from __future__ import annotations

from typing import Any

from .content_types import DEFAULT_CONTENT_TYPE, FORMATS, LIBSVM
from .errors import UserError

CODE_CHANNEL = {("text/python", "File", "FullyReplicated")}
DISTRIBUTIONS = ("ShardedByS3Key", "FullyReplicated")


def _data_channel() -> set[tuple[str, str, str]]:
    whole = {(content_type, "File", how) for content_type in FORMATS for how in DISTRIBUTIONS}
    streamed = {
        (content_type, "Pipe", how) for content_type, name in FORMATS.items() if name != LIBSVM for how in DISTRIBUTIONS
    }
    return whole | streamed


ACCEPTED = {"train": _data_channel(), "validation": _data_channel(), "code": CODE_CHANNEL}


def validate_channels(channels: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    if "train" not in channels:
        raise UserError("Missing required channel: train")
    validated = {}
    for name, given in channels.items():
        if name not in ACCEPTED:
            raise UserError("Extraneous channel found: {}".format(name))
        channel = dict(given)
        channel.setdefault("ContentType", DEFAULT_CONTENT_TYPE)
        channel.setdefault("S3DistributionType", "FullyReplicated")  # the SDKs' local mode does not write it
        form = (channel["ContentType"], channel["TrainingInputMode"], channel["S3DistributionType"])
        if form not in ACCEPTED[name]:
            raise UserError("Channel configuration for '{}' channel is not supported: {}".format(name, channel))
        validated[name] = channel
    return validated
