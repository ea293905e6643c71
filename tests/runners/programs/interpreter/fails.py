def inner(value):
    raise ValueError(value)


try:
    inner("first")
except ValueError as error:
    raise RuntimeError("second") from error
