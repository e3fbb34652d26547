"""RAM: who may do what in an account, as facts of the account's own stream, whose version every decision guards.

* :mod:`~domain.ram.entities`: users, access keys, groups, roles, policies and their versions, as frozen values.
* :mod:`~domain.ram.authority`: the account rebuilt from its stream, and what decisions ask of it. It consists of
  :mod:`~domain.ram.state` (collections, and which policies are in force for whom) and :mod:`~domain.ram.fold` (how each
  event changes them), on :mod:`~domain.ram.named` and :mod:`~domain.ram.relation`.
* :mod:`~domain.ram.users`, :mod:`~domain.ram.groups`, :mod:`~domain.ram.policies`, :mod:`~domain.ram.attachments`,
  :mod:`~domain.ram.roles`: commands. Each takes the authority and the call, returns the one event and changes nothing,
  or refuses with a code of :mod:`~domain.ram.errors`. :mod:`~domain.ram.operator` has what no caller may do.
* :mod:`~domain.ram.grammar` and :mod:`~domain.ram.limits`: what names and texts may be, and how much there may be.
* :mod:`~domain.ram.system_policies`: the policies that every account has; :mod:`~domain.ram.listing`: what lists tell.
* :mod:`~domain.ram.service`: a command from its authority to the ledger.

What a policy says and what follows from it is no matter of RAM alone: :mod:`domain.policy`, :mod:`domain.access`.
"""
