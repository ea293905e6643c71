"""Makes the locks of environments: every package with its exact version and the hashes of the files that fit."""
