"""A model server of the least kind: answers every connection with one line."""

import os
import socket

listening = socket.socket()
listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listening.bind(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])))
listening.listen(16)
print("listening", flush=True)
while True:
    connection, _ = listening.accept()
    connection.sendall(b"pong %s" % os.environ["SAGEMAKER_BIND_TO_PORT"].encode())
    connection.close()
