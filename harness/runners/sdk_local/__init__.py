"""Jobs in the containers of the SageMaker SDK's local mode: its code writes the Compose file and starts Compose.

Docker Engine is asked by the docker runner's own code for everything else: networks, output, signals, exit codes.
"""
