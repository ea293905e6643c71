import sys

import neighbour

print(neighbour.WORD, sys.argv, sys.path[0], __spec__.name, __package__ == "")
