"""How programs are connected to one address: client environment, start-up shim, offline process, emulator process."""
