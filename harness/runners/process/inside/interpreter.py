"""Running ``python script.py …`` in an interpreter that has imported modules already, as if it had just started."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import io
import os
import runpy
import signal
import sys
import threading
import types
from importlib.machinery import SourceFileLoader
from typing import Any

_C = ctypes.PyDLL(None)  # holds the interpreter's lock, so that threads of the program do not run while it ends
_BUFFERED = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)
_FOLDER = os.path.dirname(os.path.abspath(__file__))


def can_run(arguments: list[str]) -> bool:
    """Return whether these arguments of ``python`` are supported: a script or folder, or ``-m module``."""
    if arguments[:1] == ["-m"]:
        return len(arguments) > 1
    return bool(arguments) and not arguments[0].startswith("-")


def run(argv: list[str]) -> None:
    """Run the program and end the process as the interpreter would; do not return.

    Modules that the parent imported are not finalised, which (for pandas, xgboost) takes longer than a small job.
    Objects that the program itself created are.
    """
    sys.orig_argv = list(argv)  # type: ignore[attr-defined,unused-ignore]
    sys.argv = argv[1:]
    sys.executable = _find_program(argv[0]) or sys.executable
    main = types.ModuleType("__main__")
    main.__dict__["__builtins__"] = __builtins__
    if sys.version_info < (3, 14):
        main.__dict__["__annotations__"] = {}
    _remove_own_modules()
    sys.modules["__main__"] = main
    imported = set(sys.modules)
    _renew_randomness()
    sys.path_importer_cache.clear()  # folders that did not exist in the parent's file system
    code = _run_to_its_end(main, argv)
    threading.__dict__["_shutdown"]()  # waits for non-daemon threads
    atexit._run_exitfuncs()
    flushed = _flush_standard_files()
    del main
    _finalise([name for name in sys.modules if name == "__main__" or name not in imported])
    code = code if _flush_standard_files() and flushed else 120  # as the interpreter does
    _C.fflush(None)
    _C.exit(code & 0xFF)  # instead of os._exit, so that the clean-up functions of C libraries run


def _find_program(name: str) -> str:
    """Return the path of the program that a shell would start for this name."""
    if "/" in name:
        return os.path.abspath(name)
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        if os.access(os.path.join(folder, name), os.X_OK):
            return os.path.join(folder, name)
    return ""


def _run_to_its_end(main: types.ModuleType, argv: list[str]) -> int:
    try:
        _run_main(main, argv)
    except SystemExit as error:
        return _exit_code(error.code)
    except KeyboardInterrupt:
        sys.excepthook(*_without_own_frames(sys.exc_info()))
        return 128 + signal.SIGINT
    except BaseException:  # noqa: BLE001  (whatever a program raises is shown, as the interpreter does)
        sys.excepthook(*_without_own_frames(sys.exc_info()))
        return 1
    return 0


def _exit_code(code: Any) -> int:
    if code is None or isinstance(code, int):
        return code or 0
    sys.stdout.flush()
    sys.stderr.write(f"{code}\n")
    return 1


def _flush_standard_files() -> bool:
    try:
        for file in (sys.stdout, sys.stderr):
            if file is not None and not file.closed:
                file.flush()
    except (OSError, ValueError):
        return False
    return True


def _finalise(names: list[str]) -> None:
    """Finalise modules of the program, so that ``__del__`` methods run and files are flushed and closed."""
    _flush_files()  # first: garbage collection closes related files in any order, which can lose unwritten data
    for name in names:
        sys.modules.pop(name, None)
    gc.collect()
    _flush_files()


def _flush_files() -> None:
    for made in gc.get_objects():
        if type(made) in _BUFFERED:
            with contextlib.suppress(OSError, ValueError):
                made.flush()


def _run_main(main: types.ModuleType, argv: list[str]) -> None:
    arguments = argv[1:]
    run_module: Any = runpy._run_module_as_main  # type: ignore[attr-defined]  # what the interpreter itself calls
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        sys.path.insert(0, os.getcwd())
        run_module(arguments[1])
    elif os.path.isdir(arguments[0]):
        sys.path.insert(0, arguments[0])
        run_module("__main__", False)
    else:
        _run_script(main, argv[0], arguments[0])


def _run_script(main: types.ModuleType, name: str, script: str) -> None:
    path = os.path.abspath(script) if sys.version_info >= (3, 9) else script
    try:
        with open(script, "rb") as file:
            source = file.read()
    except OSError as error:
        text = "{}: can't open file {!r}: [Errno {}] {}\n"
        sys.stderr.write(text.format(name, path, error.errno, error.strerror))
        sys.exit(2)
    sys.path.insert(0, os.path.dirname(os.path.realpath(script)))
    main.__dict__.update(__file__=path, __cached__=None, __loader__=SourceFileLoader("__main__", path))
    exec(compile(source, path, "exec", dont_inherit=True), main.__dict__)  # noqa: S102  (it is what was asked for)


def _remove_own_modules() -> None:
    """Remove the modules of this helper program, so that a program's modules of the same name are imported."""
    for name, module in list(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(_FOLDER + os.sep):
            del sys.modules[name]


def _renew_randomness() -> None:
    """Seed numpy's global generator anew, which would repeat in every job; ``random`` does so itself after a fork."""
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()
    tempfile = sys.modules.get("tempfile")
    if tempfile is not None:
        tempfile.__dict__["tempdir"] = None  # it may be cached from the parent's file system


def _without_own_frames(what: Any) -> Any:
    """Return a traceback without the frames of this helper program, as the interpreter would show it."""
    kind, error, trace = what
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    error.__traceback__ = trace
    return kind, error, trace
