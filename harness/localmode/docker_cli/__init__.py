"""The SDKs' local mode without Docker: a command named ``docker`` that runs the containers by the process runner.

The SDKs reach Docker only by command lines. They start this one as a child of the user's program, so its containers end
with that program and their published ports lie in its network. It understands what the SDKs call and refuses the rest.
"""
