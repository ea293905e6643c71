"""The offset of the clock among the settings of the state folder."""

from __future__ import annotations

import math
from pathlib import Path

from harness.kernel.clock import LAST_MOMENT, Clock, iso
from harness.kernel.errors import StateError
from harness.stores.records import RecordStore

CLOCK_OFFSET = "clock_offset"


def restore_clock(clock: Clock, records: RecordStore, folder: Path) -> None:
    """Move the clock to where it was left, and have every later move stored before it happens."""
    stored = records.setting(CLOCK_OFFSET) or "0"
    try:
        offset = float(stored)
    except ValueError:
        offset = math.nan
    moment = clock.real() + offset
    if not moment <= LAST_MOMENT:
        raise StateError(
            f"the state folder {folder} keeps {stored[:40]!r} as the seconds that its clock is ahead, and the clock "
            f"ends at {iso(LAST_MOMENT)}",
            "choose another folder with --state, or forget its state with `harness reset`",
        )
    clock.advance_to(moment)
    clock.save_with(lambda offset: records.set_setting(CLOCK_OFFSET, str(offset)))
