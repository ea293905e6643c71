"""``python -m tests.locks [NAME…]``: makes the locks anew, all or those whose path contains a name."""

from __future__ import annotations

import sys

from tests.locks.compiling import compile_lock
from tests.locks.targets import targets

if __name__ == "__main__":
    for target in targets():
        if not sys.argv[1:] or any(name in str(target.lock) for name in sys.argv[1:]):
            target.lock.write_text(compile_lock(target))
            sys.stdout.write(f"wrote {target.lock}\n")
