"""RAM, API version 2015-05-01: users, access keys, groups, policies, roles, and what is attached to whom.

* :mod:`~api.ram.users`, :mod:`~api.ram.access_keys`, :mod:`~api.ram.groups`, :mod:`~api.ram.policies`,
  :mod:`~api.ram.attachments`, :mod:`~api.ram.roles`: what each operation does: parse, ask, shape.
* :mod:`~api.ram.reading`: parameters that several of them have; :mod:`~api.ram.paging`: Marker and MaxItems.
* :mod:`~api.ram.authorised`: which ARNs an operation needs permission on.

No decision about identities is made here: :mod:`domain.ram` decides. Its lines of the table of operations stand in
:mod:`api.ram_operations`.
"""
