"""The sections of a report, each made of evidence: in which order, and with what in them.

Each module has functions from :class:`~scripts.compliance.sections.material.Material` to a section.
"""
