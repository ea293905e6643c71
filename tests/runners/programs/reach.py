"""Says what it can reach: each argument is a port of 127.0.0.1 or an address."""

import socket
import sys

for target in sys.argv[1:]:
    host, _, port = target.rpartition(":")
    try:
        with socket.create_connection((host or "127.0.0.1", int(port)), timeout=5) as connection:
            print(connection.recv(100).decode())
    except OSError as error:
        print(type(error).__name__, error.errno)
