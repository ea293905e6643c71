"""When two jobs would do the same: a key made of everything their programs get to see, but for names and addresses."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from harness.contract.catalog import IMAGES
from harness.contract.layout import Input, JobPlan, relative_key
from harness.contract.package_access import INDEX
from harness.contract.serving import container_of, model_data
from harness.engine.jobs.staging import share_of, sources
from harness.kernel.records import Record
from harness.kernel.s3uri import S3Uri
from harness.stores.objects import ObjectInfo, ObjectMissing, ObjectStore

VERSION = 1
"""Version of the rules in this module. Results stored under another version are never used."""
_OWN = re.compile(
    r"(TRAINING|PROCESSING|TRANSFORM)_JOB_(NAME|ARN)|AWS_ENDPOINT_URL|AWS_SECRET_ACCESS_KEY|sagemaker_job_name"
)
"""Variables and hyperparameters that name the job, or the emulator: its address and the secret of its state folder."""
_CODE = ("sagemaker_submit_directory", "SAGEMAKER_SUBMIT_DIRECTORY")
"""Variables that say where the code lies. Its content is compared, its location is not."""
_HOSTS = ("NO_PROXY", "PIP_TRUSTED_HOST", "UV_INSECURE_HOST", "no_proxy")
"""Variables that hold the host of the emulator's address."""
_ARGUMENTS, _NAMED = "input/config/hyperparameters.json", "config/processingjobconfig.json"
_MD5 = re.compile(r"[0-9a-f]{32}")
_MOST_REMEMBERED = 10_000


class Contents:
    """Digests of objects. ``etags`` says that an ETag in the form of an MD5 is one, so that nothing need be read."""

    def __init__(self, etags: bool) -> None:
        self._etags = etags
        self._known: dict[ObjectInfo, str] = {}

    def of_object(self, objects: ObjectStore, uri: S3Uri) -> str:
        head = objects.head(uri)
        if head is None:
            raise ObjectMissing(uri)
        return self._digest(objects, head)

    def of_input(self, objects: ObjectStore, item: Input) -> list[tuple[str, str]]:
        """The path of each object below the input's folder, and its digest."""
        if item.kind == "ManifestFile":
            contents = [(name, self.of_object(objects, uri)) for uri, name in share_of(sources(objects, item), item)]
        else:
            contents = [
                (relative_key(item.uri.key, info.uri.key), self._digest(objects, info))
                for info in objects.list(item.uri)
                if not info.uri.key.endswith("/")
            ]
        return sorted(contents)

    def _digest(self, objects: ObjectStore, info: ObjectInfo) -> str:
        packed = info.uri.key.endswith((".gz", ".tgz"))
        if self._etags and not packed and _MD5.fullmatch(info.etag):
            return info.etag
        if info not in self._known:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[info] = self._read(objects, info, packed)
        return self._known[info]

    def _read(self, objects: ObjectStore, info: ObjectInfo, packed: bool) -> str:
        digest = hashlib.sha256()
        with objects.open(info.uri) as stream:
            if packed:  # gzip notes when it packed, which makes the SDKs' archives of the same code differ
                head = stream.read(10)
                digest.update(head[:4] + head[8:] if head[:2] == b"\x1f\x8b" else head)
            while block := stream.read(1 << 20):
                digest.update(block)
        return digest.hexdigest()


class Keys:
    """Computes the cache keys of one account's jobs. ``image`` says what runs, down to its program's version."""

    def __init__(self, objects: ObjectStore, contents: Contents, image: str) -> None:
        self._objects = objects
        self._contents = contents
        self._image = image

    def of_plan(self, kind: str, plan: JobPlan) -> str:
        run = plan.run
        files = {name: text for name, text in plan.files.items() if name not in (_ARGUMENTS, _NAMED)}
        container = run.container
        return _digest(
            {
                "kind": kind,
                "image": self._image,
                "argv": [text.replace(str(IMAGES), "images").replace(run.name, "<job>") for text in run.argv],
                "container": [container.entrypoint, container.arguments, str(container.resources)] if container else [],
                "env": dict(self._values(_without_address(run.env), run.name)),
                "hyperparameters": dict(self._values(json.loads(plan.files.get(_ARGUMENTS, "{}")), run.name)),
                "files": files,
                "network": run.network.value,
                "inputs": [[i.name, i.path, i.gunzip, self._contents.of_input(self._objects, i)] for i in plan.inputs],
                "outputs": [[output.name, output.path] for output in plan.outputs],
            }
        )

    def of_transform(self, job: Record, model: Record) -> str:
        spec, container = job.spec, container_of(model)
        batch = {member: spec[member] for member in _BATCH if member in spec}
        source_spec, output_spec = dict(spec["TransformInput"]), dict(spec["TransformOutput"])
        source = source_spec.pop("DataSource")["S3DataSource"]
        for location in ("S3OutputPath", "KmsKeyId"):
            output_spec.pop(location, None)
        data = Input("input", S3Uri.parse(source["S3Uri"]), "", source["S3DataType"])
        env = {**container.get("Environment", {}), **spec.get("Environment", {})}
        return _digest(
            {
                "kind": job.kind,
                "image": self._image,
                "asked": batch,
                "instance": spec["TransformResources"]["InstanceType"],
                "env": dict(self._values(env, job.name)),
                "isolated": bool(model.spec.get("EnableNetworkIsolation")),
                "model": self._model(container),
                "given": source_spec,
                "wanted": output_spec,
                "input": self._contents.of_input(self._objects, data),
            }
        )

    def _model(self, container: Mapping[str, Any]) -> Any:
        data = model_data(container)
        if data is None:
            return None
        uri, archived = S3Uri.parse(data[0]), data[1]
        if archived:
            return self._contents.of_object(self._objects, uri)
        return self._contents.of_input(self._objects, Input("model", uri, ""))

    def _values(self, values: Mapping[str, str], job: str) -> Iterator[tuple[str, str]]:
        for name, value in values.items():
            if name in _CODE and (location := value.strip('"')).startswith("s3://"):
                yield name, self._contents.of_object(self._objects, S3Uri.parse(location))
            elif not _OWN.fullmatch(name):
                yield name, value.replace(job, "<job>")


def _without_address(env: Mapping[str, str]) -> dict[str, str]:
    """The variables of a job as they would be for another job, and wherever the emulator listened."""
    address = env.get("AWS_ENDPOINT_URL", "")
    host = urlsplit(address).hostname or ""
    changed = {}
    for name, value in env.items():
        text = re.sub(rf"{INDEX}[^/]+/", f"{INDEX}<job>/", value.replace(address, "<emulator>") if address else value)
        changed[name] = text.replace(host, "<host>") if host and name in _HOSTS else text
    return changed


_BATCH = ("BatchStrategy", "MaxConcurrentTransforms", "MaxPayloadInMB", "ModelClientConfig", "DataProcessing")


def _digest(document: Mapping[str, Any]) -> str:
    text = json.dumps({"version": VERSION, **document}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
