"""The saved state of moto's services: fields by name, as JSON, in ``aws/services.sqlite`` of the state folder.

- ``classes``: which classes may be written and built again.
- ``values``: values that JSON has no form for.
- ``encoder``, ``decoder``: an object graph as a JSON document, and back.
- ``migrations``, ``new_fields``: what to do where the moto that reads has other classes or fields than the writer.
- ``rows``: the SQLite file. The layout of the file is there and nowhere else.
- ``services``: saves what a request changed before it is answered.
- ``old_pickles``: the pickles that earlier versions wrote. They are never loaded on their own.

Why fields and not a log of accepted requests: replaying needs every request since the first one, gives new random ids
and new times to everything it makes again, and depends on each rule that moto applies to a request. Fields depend only
on names, and a name that changed is one line in ``migrations``.
"""
