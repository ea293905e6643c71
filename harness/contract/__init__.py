"""What a container expects, as pure functions: record -> files to write and ``RunSpec``; image URI -> what runs."""
