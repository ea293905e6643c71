"""How a program is pointed at an address: its environment, its start-up shim, and what a scenario is handed.

Speaks boto3 and the environment only; nothing here knows whether the emulator or AWS answers.
"""
