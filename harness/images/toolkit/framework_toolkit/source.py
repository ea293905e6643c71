"""Fetching the user's code: a ``sourcedir.tar.gz`` in S3, or a folder, archive or file of this container."""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path
from urllib.parse import urlparse

from .errors import ClientError
from .logs import log


def fetch_code(address: str, target: Path) -> None:
    """Put the code that ``address`` names into the folder ``target``; one that is not empty stays as it is."""
    target.mkdir(parents=True, exist_ok=True)
    if any(target.iterdir()):
        log.info("Provided path: %s is not empty, abandoning unzipping sourcedir.tar.gz", target)
        return
    if not address:
        return
    log.info("Provided path: %s  is empty, unzipping", target)
    if address.startswith("s3://"):
        archive = target.parent / "sourcedir.tar.gz.part"
        _download(address, archive)
        try:
            _unpack(archive, target, address)
        finally:
            archive.unlink()
        return
    path = Path(urlparse(address).path if address.startswith("file://") else address)
    if path.is_dir():
        for entry in path.iterdir():
            _copy(entry, target / entry.name)
    elif path.is_file() and tarfile.is_tarfile(str(path)):
        _unpack(path, target, address)
    elif path.is_file():
        shutil.copy2(str(path), str(target / path.name))
    else:
        raise ClientError("the code directory {} does not exist in the container".format(address))


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(str(source), str(target), symlinks=True)
    else:
        shutil.copy2(str(source), str(target))


def _download(address: str, target: Path) -> None:
    import boto3

    parts = urlparse(address)
    region = os.environ.get("AWS_REGION") or os.environ.get("SAGEMAKER_REGION")
    # The toolkit's own variable for another S3 service; boto3 itself follows AWS_ENDPOINT_URL.
    client = boto3.client("s3", region_name=region, endpoint_url=os.environ.get("S3_ENDPOINT_URL"))
    body = client.get_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"))["Body"]
    with target.open("wb") as file:
        shutil.copyfileobj(body, file)


def _unpack(archive: Path, target: Path, address: str) -> None:
    try:
        with tarfile.open(str(archive), "r:gz") as tar:
            for member in tar.getmembers():
                _check(member, target, address)
            if hasattr(tarfile, "tar_filter"):  # newer Pythons warn without a filter
                tar.extraction_filter = staticmethod(tarfile.tar_filter)
            tar.extractall(str(target))  # every member was checked
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ClientError("{} is not a gzip-compressed tar archive: {}".format(address, error)) from error


def _check(member: tarfile.TarInfo, target: Path, address: str) -> None:
    """Refuse members that are neither file, folder nor link, or that lie or lead outside of the folder."""
    base = os.path.realpath(str(target))
    names = [member.name]
    if member.islnk():
        names.append(member.linkname)
    elif member.issym():
        names.append(os.path.join(os.path.dirname(member.name), member.linkname))
    elif not (member.isfile() or member.isdir()):
        raise ClientError("{}: member {!r} is neither a file, a folder nor a link".format(address, member.name))
    for name in names:
        path = os.path.normpath(os.path.join(base, name))
        if path != base and not path.startswith(base + os.sep):
            raise ClientError("{}: member {!r} lies outside of the code folder".format(address, member.name))
