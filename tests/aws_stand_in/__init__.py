"""AWS as the aws profile meets it, for tests: real host names, TLS, signatures, permissions, quotas, lag, throttling.

Test equipment. The work itself is done by an emulator in another process; this adds what an account is strict about.
"""
