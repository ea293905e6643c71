import multiprocessing
import subprocess
import sys


def double(number):
    return 2 * number


if __name__ == "__main__":
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            print(pool.map(double, [1, 2, 3]))
    print(subprocess.run([sys.executable, "-c", "print('child')"], stdout=subprocess.PIPE).stdout)
