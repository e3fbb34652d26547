"""The report for auditors: what the ledger shows of a period, as PDF, HTML, CSV and JSON.

* :mod:`~scripts.compliance.document`: what a report consists of, whatever it is written as: sections, tables, figures.
* :mod:`~scripts.compliance.sections`: each section, made of the evidence (:mod:`domain.audit.evidence`).
* :mod:`~scripts.compliance.controls`: which controls a section is evidence for, in our own words.
* :mod:`~scripts.compliance.plots`: figures as SVG, the same for PDF and HTML.
* :mod:`~scripts.compliance.pdf`, ``html``, ``tables`` (CSV) and ``objects`` (JSON): the forms.
* :mod:`~scripts.compliance.output`: the folder, which appears whole or not at all.

The same question at the same position gives the same bytes: there is no clock and no random id in a report, nothing
from tables that are behind or ahead, and everything is sorted. What people
chose (names, descriptions, documents) is data to every form, never markup.
"""
