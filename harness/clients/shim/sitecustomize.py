"""Start-up shim for programs that ``harness exec`` and ``harness run`` start: Python runs it before the program.

Stands alone: one file, nothing imported but sys and os, silent on any Python (old syntax on purpose; before 3.4 it only
chains). It does a few things, each switched on by a variable that ``harness.clients`` sets:

* clients with a hard-coded AWS host go to the emulator (``AWS_ENDPOINT_URL``), and say ``harness-shim`` in their user agent;
* the SDKs' own waiting functions look more often, so waiting ends when the work does; ``time.sleep`` itself stays as it is;
* what SDK v2 checked once in its settings file is not checked again at each of hundreds of look-ups;
* ``HARNESS_LOCAL_MODE``: the one local mode that needs a Docker Engine says so;
* ``HARNESS_OFFLINE``: connections to other machines are refused with a message that names the host.
"""

import os
import sys

MARK = "harness-shim"
FIRST_LOOK = 0.03
SLOWEST_LOOK = 0.15
AWS_HOSTS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")

# Module -> the functions in it that sleep between two looks at something the server is doing.
_V2_SESSION = (
    "logs_for_auto_ml_job logs_for_processing_job logs_for_transform_job wait_for_athena_query "
    "_display_inference_recommendations_job_steps_status _live_logging_deploy_done _wait_until_training_done _wait_until "
    "_logs_for_job"
)
_RESOURCE = "wait wait_for_status wait_for_delete"
WAITING = {
    "sagemaker.session": _V2_SESSION,
    "sagemaker.predictor_async": "_check_output_and_failure_paths",
    "sagemaker.experiments._metrics": "_run close",
    "sagemaker.aws_batch.training_queued_job": "wait",
    "sagemaker_core.main.resources": _RESOURCE,
    "sagemaker.core.resources": _RESOURCE,
    "sagemaker.core.common_utils": "_wait_until",
    "sagemaker.core.transformer": "logs_for_transform_job",
    "sagemaker.core.processing": "logs_for_processing_job",
    "sagemaker.core.remote_function.job": "_logs_for_job",
    "sagemaker.core.experiments._metrics": "_run close",
    "sagemaker.core.helper.session_helper": _V2_SESSION,
    "sagemaker.train.common_utils.trainer_wait": "wait",
    "sagemaker.train.common_utils.job_wait": "_wait_jupyter _wait_terminal",
    "sagemaker.train.evaluate.execution": "wait",
    "sagemaker.mlops.feature_store.feature_utils": "wait_for_athena_query",
    "sagemaker.serve.model_reuse": "_poll_until_ready",
    "sagemaker.serve.predictor_async": "_check_output_and_failure_paths",
}
# These loops look at the job only when 30 s passed since the last look; the rest of the time they read logs.
LOG_LOOPS = frozenset(["logs_for_auto_ml_job", "logs_for_processing_job", "logs_for_transform_job", "_logs_for_job"])


class Moment(float):
    """A time of day for the log loops: as long ago as a loop needs to look again, and exact in every comparison."""

    def __sub__(self, other):
        return max(float(self) - float(other), 30.0)


class WaitingTime(object):
    """Stands where a module of the SDK holds its ``time``; differs from it only for that module's waiting functions."""

    def __init__(self, time, functions):
        self._time = time
        self._functions = frozenset(functions.split())
        self._waits = {}

    def __getattr__(self, name):
        return getattr(self._time, name)

    def time(self):
        now = self._time.time()
        return Moment(now) if sys._getframe(1).f_code.co_name in LOG_LOOPS & self._functions else now

    def sleep(self, seconds):
        frame = sys._getframe(1)
        if frame.f_code.co_name in self._functions:
            seconds = min(seconds, self._next_look(id(frame)))
        self._time.sleep(seconds)

    def _next_look(self, wait):
        """Soon at first, then at a steady pace. ``wait`` is the id of the waiting call's frame; a few are remembered."""
        if len(self._waits) > 64:
            self._waits.clear()
        look = self._waits.get(wait, FIRST_LOOK)
        self._waits[wait] = min(look * 1.1, SLOWEST_LOOK)
        return look


def _shorten(functions):
    def patch(module):
        if hasattr(getattr(module, "time", None), "sleep"):
            module.time = WaitingTime(module.time, functions)

    return patch


def _patch_retries(module):
    """``retries`` counts its looks: the same time in all, more looks."""
    import time

    if not hasattr(module, "retries"):
        return

    def retries(max_retry_count, exception_message_prefix, seconds_to_sleep=5):
        end = time.time() + max_retry_count * seconds_to_sleep
        look, count = FIRST_LOOK, 0
        while time.time() < end:
            yield min(count, max_retry_count - 1)
            time.sleep(min(look, seconds_to_sleep))
            look, count = min(look * 1.1, SLOWEST_LOOK), count + 1
        raise Exception("'%s' has reached the maximum retry count of %s" % (exception_message_prefix, max_retry_count))

    module.retries = retries


def _patch_core_common(module):
    _shorten(WAITING[module.__name__])(module)
    _patch_retries(module)


def _patch_waiter(module):
    """A botocore waiter counts its looks too."""
    original = module.Waiter.wait

    def wait(self, **kwargs):
        config = dict(kwargs.get("WaiterConfig") or {})
        delay = config.get("Delay", self.config.delay)
        looks = config.get("MaxAttempts", self.config.max_attempts)
        if delay > SLOWEST_LOOK and looks > 1:
            config.update(Delay=SLOWEST_LOOK, MaxAttempts=int(delay * (looks - 1) / SLOWEST_LOOK) + 1)
            kwargs["WaiterConfig"] = config
        return original(self, **kwargs)

    module.Waiter.wait = wait


def _patch_local_serving(module):
    """Local mode counts its looks at a container as well: the same time in all, more looks."""
    import time

    if not hasattr(module, "_wait_for_serving_container"):
        return

    def _wait_for_serving_container(serving_port, timeout=module.HEALTH_CHECK_TIMEOUT_LIMIT):
        url = "http://%s:%d/ping" % (module.get_docker_host(), serving_port)
        end = time.time() + timeout
        pool = module.urllib3.PoolManager(retries=0)
        look, answer = FIRST_LOOK, None
        while time.time() < end:
            _, code = module._perform_request(url, pool)
            if code == 200:
                return
            if code != answer:
                module.logger.info("Waiting for the serving container, got: %s", code)
            answer = code
            time.sleep(look)
            look = min(look * 1.1, SLOWEST_LOOK)
        raise RuntimeError("Giving up, endpoint didn't launch correctly")

    module._wait_for_serving_container = _wait_for_serving_container


def _refuse_docker_socket(module):
    """ModelBuilder talks to Docker's socket, not to its command line: nothing stands for that."""

    def refuse(self, *args, **kwargs):
        raise RuntimeError(
            "harness: ModelBuilder's LOCAL_CONTAINER mode needs the Docker Engine itself, and this run has local mode "
            "without Docker. Deploy to the emulator (Mode.SAGEMAKER_ENDPOINT), or run without --local-mode."
        )

    if os.environ.get("HARNESS_LOCAL_MODE"):
        module.LocalContainerMode.__init__ = refuse


def is_aws(url):
    """Return True when an explicit endpoint names AWS itself."""
    host = url.split("//", 1)[-1].split("/", 1)[0].split("@")[-1].split(":", 1)[0].lower()
    return host.endswith(AWS_HOSTS)


def _patch_session(module):
    """The SDKs build some clients with an explicit AWS URL, which beats every setting but this one."""
    original = module.Session.create_client

    def create_client(self, *args, **kwargs):
        emulator = os.environ.get("AWS_ENDPOINT_URL")
        if emulator:
            args = list(args)
            if len(args) > 5 and args[5] and is_aws(args[5]):
                args[5] = emulator
            elif kwargs.get("endpoint_url") and is_aws(kwargs["endpoint_url"]):
                kwargs["endpoint_url"] = emulator
            extra = getattr(self, "user_agent_extra", None) or ""
            if MARK not in extra:
                self.user_agent_extra = (extra + " " + MARK).strip()
        return original(self, *args, **kwargs)

    module.Session.create_client = create_client


def _drop_telemetry(module):
    """The SDKs report every call to a bucket of AWS's. There is nobody here to report to."""
    if hasattr(module, "_requests_helper"):
        module._requests_helper = lambda url, timeout: None


def _patch_settings(module):
    """SDK v2 checks its settings against their whole schema at each of hundreds of look-ups, which takes longer than
    deploying a model. What was valid once stays valid."""
    original = getattr(module, "validate_sagemaker_config", None)
    if original is None:
        return
    valid = set()

    def validate_sagemaker_config(sagemaker_config=None):
        text = repr(sagemaker_config)
        if text not in valid:
            original(sagemaker_config)
            valid.add(text)

    module.validate_sagemaker_config = validate_sagemaker_config


PATCHES = dict((name, _shorten(functions)) for name, functions in WAITING.items())
PATCHES["botocore.session"] = _patch_session
PATCHES["botocore.waiter"] = _patch_waiter
PATCHES["sagemaker.telemetry.telemetry_logging"] = _drop_telemetry
PATCHES["sagemaker.core.telemetry.telemetry_logging"] = _drop_telemetry
PATCHES["sagemaker.local.entities"] = _patch_local_serving
PATCHES["sagemaker.core.local.entities"] = _patch_local_serving
PATCHES["sagemaker.serve.mode.local_container_mode"] = _refuse_docker_socket
PATCHES["sagemaker.config.config"] = _patch_settings
PATCHES["sagemaker.core.config.config"] = _patch_settings
PATCHES["sagemaker.core.utils.intelligent_defaults_helper"] = _patch_settings
PATCHES["sagemaker.utils"] = _patch_retries
PATCHES["sagemaker.core.common_utils"] = _patch_core_common


class ShimFinder(object):
    """Finds nothing itself: lets the others find, and has a module of ``PATCHES`` patched right after it ran."""

    def find_spec(self, name, path=None, target=None):
        patch = PATCHES.get(name)
        if patch is None:
            return None
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                return self._patch_loader(spec, patch)
        return None

    def _patch_loader(self, spec, patch):
        loader = spec.loader
        run = getattr(loader, "exec_module", None)
        if run is None:
            return spec

        def exec_module(module):
            run(module)
            patch(module)

        # On the loader object, not around it: inspect, pkgutil and pickle still see the loader they know.
        try:
            loader.exec_module = exec_module
        except AttributeError:
            pass
        return spec


class RefusedHost(OSError):
    """An offline run tried to reach another machine."""


class OfflineGuard(object):
    """An audit hook: lets loopback, unix sockets and the named addresses pass, and refuses the rest by name."""

    CONNECTS = frozenset(["socket.connect", "socket.sendto", "socket.sendmsg"])
    LOOKUPS = frozenset(["socket.getaddrinfo", "socket.gethostbyname"])

    def __init__(self, allowed):
        self._allowed = frozenset(allowed) | frozenset(["", "0.0.0.0", "::", "localhost", "localhost.localdomain", os.uname()[1]])
        self._reported = set()

    def __call__(self, event, args):
        if event in self.CONNECTS:
            address = args[1] if len(args) > 1 else None
            if isinstance(address, tuple) and address:
                self._check(address[0], address[1] if len(address) > 1 else None, False)
        elif event in self.LOOKUPS:
            self._check(args[0], args[1] if len(args) > 1 else None, True)

    def _check(self, host, port, lookup):
        if isinstance(host, bytes):
            host = host.decode("ascii", "replace")
        if not isinstance(host, str) or self._passes(host.lower().rstrip("."), lookup):
            return
        where = host if port in (None, 0) else "%s:%s" % (host, port)
        message = (
            "harness: refused to reach %s: this run is offline, so only this machine can be reached. Make what it needs "
            "local, or run it with `harness exec --online`." % where
        )
        if host not in self._reported:
            self._reported.add(host)
            # Clients often swallow the cause of a failed connection, so it is said here as well, once for each host.
            os.write(2, (message + "\n").encode("utf-8"))
        raise RefusedHost(message)

    def _passes(self, host, lookup):
        if host in self._allowed or host.endswith(".localhost") or host.startswith(("127.", "::1", "::ffff:127.")):
            return True
        # Looking up a literal address sends nothing; connecting to it will be refused.
        return lookup and (":" in host or host.replace(".", "").isdigit())


def _start():
    if sys.version_info < (3, 4):
        return
    if os.environ.get("AWS_ENDPOINT_URL"):
        sys.meta_path.insert(0, ShimFinder())
    if os.environ.get("HARNESS_OFFLINE") == "1" and hasattr(sys, "addaudithook"):
        allowed = os.environ.get("HARNESS_OFFLINE_ALLOW", "").split(",")
        sys.addaudithook(OfflineGuard(host.strip().lower() for host in allowed))


def _chain():
    """Run the ``sitecustomize`` that this one hides. It may change sys.path, and it becomes the one in sys.modules."""
    here = os.path.dirname(os.path.abspath(__file__))
    mine = sys.modules.pop("sitecustomize", None)
    # A reference from elsewhere: old Pythons empty a module that nothing refers to.
    sys.modules["harness_shim"] = mine
    hidden = [entry for entry in sys.path if os.path.abspath(entry or ".") == here]
    sys.path[:] = [entry for entry in sys.path if entry not in hidden]
    try:
        import sitecustomize  # noqa: F401
    except ImportError as error:
        sys.modules.setdefault("sitecustomize", mine)
        if "sitecustomize" not in str(error):
            raise
    finally:
        sys.path[:0] = [entry for entry in hidden if entry not in sys.path]


if __name__ == "sitecustomize":
    _start()
    _chain()
