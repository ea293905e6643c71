"""What runs between the emulator and a job's program: namespaces, init, warm parents.

A stand-alone program for Python 3.7 and later that needs nothing but the standard library; the emulator starts it by
path and speaks to it over a unix socket. It imports nothing of harness.
"""
