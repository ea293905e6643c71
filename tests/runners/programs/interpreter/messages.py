"""Goes by the name of a module of the runner's own and imports a neighbour that does so too."""

import program

print(program.WORD, "inside" in __import__("sys").modules)
