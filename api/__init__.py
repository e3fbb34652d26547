"""The wire: Alibaba's RPC endpoint, the REST routes and their page, health and metrics.

* :mod:`~api.operations`: the one table of operations. RPC, REST, OpenAPI and authorisation are made from it. Its lines
  stand in :mod:`~api.kms_operations`, :mod:`~api.ram_operations`, :mod:`~api.sts` and :mod:`~api.audit_operations`;
  :mod:`~api.action` says what a line says, and :mod:`~api.kms_answers` what REST routes answer.
* :mod:`~api.handlers`: what each operation on keys does: parse, call, shape. :mod:`api.ram` does so for RAM,
  :mod:`api.audit` for the audit trail.
* :mod:`~api.parameters`: effective parameters of a request, typed, with Alibaba's errors.
* :mod:`~api.dispatch`: one request from bytes to answer: authenticate, decide, record, answer.
* :mod:`~api.authentication`: who signed a request; whoever did not is counted.
* :mod:`~api.wire`: answers and errors as JSON and XML, with statuses.
* :mod:`~api.rpc`: the endpoint ``/`` as a bare ASGI application, because every use of a key passes through it.
* :mod:`~api.streaming`: answers without a known end.
* :mod:`~api.rest`: the routes under ``/v1``, ``/audit`` and ``/docs``; :mod:`~api.health`: ``/healthz``, ``/readyz``,
  ``/metrics``.
* :mod:`~api.assembly`: builds all parts from the settings; :mod:`~api.reading_ahead`: what a worker knows before it
  serves; :mod:`~api.app` and :mod:`~api.main` serve them.
"""
