"""``python <this folder> launch|zygote|probe|namespace|offline …``: a warm job's program ends up running here."""

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

# Whatever comes back is a Python program to be run in this very process: it runs here, at the bottom of the stack,
# so that its end is the interpreter's own (exit codes, threads waited for, atexit, flushing).
_program = _commands.main(sys.argv[1:])
if _program is not None:
    _program()
