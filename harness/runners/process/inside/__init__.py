"""The helper program between the emulator and a job's program: namespaces, init process, warm parents.

It is a stand-alone program for Python 3.7 and later that uses only the standard library and does not import harness.
The emulator starts it by path and communicates with it over a unix socket.
"""
