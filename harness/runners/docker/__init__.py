"""Jobs as containers of Docker Engine."""
