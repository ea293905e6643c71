"""What jobs of these tests run: bursts of numbered lines for some seconds, each with the time it was written."""

import os
import sys
import time

seconds, bursts = float(sys.argv[1]), 8
number = 0
for burst in range(bursts):
    for _ in range(60):
        print("tick %04d of pid %d at %.3f" % (number, os.getpid(), time.time()), flush=number % 7 == 0)
        number += 1
    sys.stdout.flush()
    time.sleep(seconds / bursts)
