"""The SDKs' local mode without Docker: a command named ``docker`` that runs containers with the process runner.

The SDKs use Docker only by its command line. They start this command as a child of the user's program, so its
containers end with that program, and their published ports are in its network. Commands that the SDKs do not call are
refused.
"""
