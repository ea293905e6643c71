"""The shared parts of the containers of frameworks: training with a user's script, and serving with a user's functions.

The images of frameworks start it from their own ``train`` and ``serve``. It depends on the container contract only, and
runs on Python 3.7 and later.
"""
