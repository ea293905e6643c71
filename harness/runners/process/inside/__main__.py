"""Entry point: ``python <this folder> launch|zygote|probe|namespace|links|offline …``."""

import importlib
import os
import sys

if not __package__:
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_commands = importlib.import_module(
    (__package__ or os.path.basename(os.path.dirname(os.path.abspath(__file__)))) + ".commands"
)
if not __package__:
    del sys.path[0]

# The returned function runs a Python program in this process. It is called here, at the bottom of the stack, so that
# the program ends as in a fresh interpreter (exit code, waiting for threads, atexit, flushing).
_program = _commands.main(sys.argv[1:])
if _program is not None:
    _program()
