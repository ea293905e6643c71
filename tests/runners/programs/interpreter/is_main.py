import pickle
import sys


class Point:
    x: int = 3


assert __name__ == "__main__"
assert sys.modules["__main__"].Point is Point
assert pickle.loads(pickle.dumps(Point())).x == 3
print(__file__, __spec__, __package__, __doc__, __annotations__ if sys.version_info < (3, 14) else "")
print(sys.argv, sys.orig_argv[1:], sys.path[0], sys.flags, sys.executable)
print(sorted(name for name in globals() if name.startswith("__")))
