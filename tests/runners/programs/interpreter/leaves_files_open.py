"""Nothing is closed or flushed here: the interpreter does that when it ends."""

import json
from pathlib import Path

kept = Path("/opt/ml/left").open("w")  # noqa: SIM115  (left open on purpose)
kept.write(json.dumps({"a": 1}))
print("no line end", end="")


class Last:
    def __del__(self):
        print(" last word")


last = Last()
