"""The cache of job results: look up the result of an equal earlier job, replay it, or store the new one.

Only when reuse is switched on, by the setting or by the client that created the job. Only results of Completed jobs are
stored. When anything goes wrong here, the job runs; it never fails for that reason.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.contract.containers import ImageProtocol
from harness.contract.layout import JobPlan
from harness.contract.processing import CLOUDWATCH_FOLDER, MESSAGE_FILE
from harness.contract.training import METRICS_FOLDER
from harness.engine.job_cache.keys import Contents, Keys
from harness.engine.jobs.staging import output_files, result_files
from harness.kernel.clock import iso
from harness.kernel.job_files import JobFile, find_file
from harness.kernel.records import Record
from harness.runners.spec import Cause, Outcome
from harness.stores.logs import LogEvent, LogWriter
from harness.stores.objects import BucketMissing, ObjectMissing
from harness.stores.result_cache import CorruptEntry, Line, Result, ResultCache

if TYPE_CHECKING:
    from harness.engine.jobs.job_run import JobRun

ASKED, REUSED = "reuse", "reused_from"
"""Inner members of a job: that its client wants reuse, and what it was answered with."""
TAG, SECONDS_TAG = "harness:reused-from", "harness:reused-seconds"
"""Tags of such a job: whose result it got, and how long that one took."""
_MOST_TAGS = 50

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reuse:
    """The cache and how jobs are compared.

    ``always`` switches it on for every job. ``identity`` distinguishes images, with the version of their programs, and
    is empty when that is unknown. ``contents`` computes the digests of inputs.
    """

    results: ResultCache
    identity: Callable[[ImageProtocol], str]
    contents: Contents
    always: bool = False


class CacheLookup:
    """Cache lookup for one job. ``result`` is the cached result; when it is None the job has to run."""

    def __init__(self, work: JobRun, reuse: Reuse | None, image: ImageProtocol, key: Callable[[Keys], str]) -> None:
        self._work = work
        self._reuse = reuse
        self._lines: list[Line] = []
        self._image = image
        self._make = key
        self._key = self._make_key()
        self.result: Result | None = self._take_out() if self._key else None
        self.names: list[str] = list(self.result.about.get("names", ())) if self.result else []
        """The names of the files whose paths are numbers."""
        if self._key and not self.result:
            self.listen(work.on_line)

    @property
    def will_be_kept(self) -> bool:
        """True when the job runs and its result may be used by later jobs."""
        return bool(self._key) and not self.result

    @property
    def folder(self) -> Path:
        """The folder that holds the files of ``result``."""
        return self._work.root

    def listen(self, on_line: Callable[[Callable[[LogEvent], None]], None], stream: str = "") -> None:
        """Remember what is printed there; ``stream`` tells streams of the job apart."""
        on_line(lambda event: self._lines.append((stream, event.message)))

    def replay_log(self, streams: Mapping[str, LogWriter] | None = None) -> Outcome | None:
        """Print the cached log and return the outcome. Call this instead of starting the program.

        Returns None when the job has to run. The result is then stored only if the inputs are still those of the key.
        """
        self._work.check_stop()
        if self.result is None:
            if self._key and self._make_key() != self._key:  # inputs were changed while they were copied
                self._key = ""
            return None
        job, ended = self.result.about["job"], self.result.about["ended"]
        self._work.log.line(f"harness: reused the result of {job} of {iso(ended)}")
        writers: dict[str, LogWriter] = {"": self._work.log, **(streams or {})}
        for stream, line in self.result.lines:
            if stream in writers:
                writers[stream].line(line)
        now = self._work.components.clock.real()
        return Outcome(Cause.EXITED, 0, now, now)

    def keep(self, files: Mapping[str, JobFile]) -> None:
        """Store the result. Call this when the job is known to be Completed."""
        if not self.will_be_kept or self._reuse is None:
            return
        ended, status = self._work.components.clock.real(), self._work.record.status
        started = next((moment for member, moment in status.items() if member.endswith("StartTime")), ended)
        about: dict[str, Any] = {
            "job": self._work.key.name,
            "ended": ended,
            "seconds": round(ended - started, 3),
            **({"names": self.names} if self.names else {}),
            **({"packages": taken} if (taken := self._packages_taken()) else {}),
        }
        try:
            self._reuse.results.put(self._key, about, files, self._lines)
        except OSError as error:
            log.warning("the result of job %s is not kept for reuse: %s", self._work.key.name, error)

    def _packages_taken(self) -> dict[str, str]:
        """Return the packages that the index offered the job; they are an input of it."""
        packages = self._work.components.packages
        return packages.read_taken(self._work.packages) if packages else {}

    def _make_key(self) -> str:
        """Return the cache key of the job, or an empty text when it is not cached."""
        reuse, work = self._reuse, self._work
        if reuse is None or not (reuse.always or work.record.inner.get(ASKED)):
            return ""
        if work.components.interruptions.awaits(work.key):  # what is to happen to it on purpose shall happen
            return ""
        try:
            identity = reuse.identity(self._image)
            return self._make(Keys(work.objects, reuse.contents, identity)) if identity else ""
        except (BucketMissing, ObjectMissing, OSError, ValueError):
            return ""  # the job itself will meet it, and say so
        except Exception:
            log.exception("the inputs of job %s cannot be compared with those of others", work.key.name)
            return ""

    def _is_offered_the_same(self, result: Result) -> bool:
        """Return whether the package index offers what it offered the job whose result this is."""
        taken = result.about.get("packages")
        packages = self._work.components.packages
        return not taken or (packages is not None and packages.are_unchanged(taken))

    def _take_out(self) -> Result | None:
        work, key = self._work, self._key
        assert self._reuse is not None
        result = None
        try:
            result = self._reuse.results.find(key)
            if result is None or not self._is_offered_the_same(result):
                return None
            work.clear()
            work.root.mkdir(parents=True)
            self._reuse.results.take_out(key, result, work.root)
        except CorruptEntry as error:
            log.warning("a result kept for reuse is spoiled, job %s runs: %s", work.key.name, error)
            self._reuse.results.forget(key, result)
        except OSError as error:
            log.warning("a result kept for reuse cannot be used, job %s runs: %s", work.key.name, error)
        else:
            work.change(lambda record: _add_tags(record, result.about))
            return result
        work.clear()
        return None


def look_up(work: JobRun, image: ImageProtocol, plan: JobPlan) -> CacheLookup:
    """Look the job up in the cache.

    Multi-host jobs and jobs with checkpoints are never cached: their result depends on more than their inputs. Nor are
    jobs with channels in Pipe mode, whose content is read while they run.
    """
    alone = not plan.others and not plan.pipes and not any(output.mirror for output in plan.outputs)
    reuse = work.components.reuse if alone else None
    return CacheLookup(work, reuse, image, lambda keys: keys.of_plan(work.key.kind, plan))


def files_of(plan: JobPlan, root: Path) -> dict[str, JobFile]:
    """Return the files that the end of a job reads below its root: outputs, metrics, the exit message."""
    files: Sequence[JobFile] = [
        *(file for output in plan.outputs for file in output_files(root, output)),
        *result_files(root, METRICS_FOLDER),
        *result_files(root, CLOUDWATCH_FOLDER),
        *filter(None, [find_file(root, MESSAGE_FILE)]),
    ]
    return {file.name: file for file in files}


def _add_tags(record: Record, about: Mapping[str, Any]) -> Record:
    """Add tags that name the origin of the result, so that ListTags shows it, unless the job has 50 tags already."""
    tags = record.spec.get("Tags", [])
    own = [{"Key": TAG, "Value": about["job"]}, {"Key": SECONDS_TAG, "Value": str(about["seconds"])}]
    spec = {**record.spec, "Tags": [*tags, *own][:_MOST_TAGS]}
    facts = {member: about[member] for member in ("job", "ended", "seconds")}
    return replace(record, spec=spec, inner={**record.inner, REUSED: facts})
