"""Wire formats of AWS services shared by the embedded and the remote backends."""
