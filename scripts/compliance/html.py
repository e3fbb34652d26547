"""The report as one HTML file: no scripts, no other files, no network; it prints as it looks.

The template is Jinja2's with escaping of everything; only figures, which are drawn here of numbers and escaped labels,
go in as they are.
"""

from __future__ import annotations

from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from scripts.compliance.document import Document
from scripts.compliance.pages import pages

_TEMPLATE: Final = "report.html.jinja"


def as_html(document: Document) -> bytes:
    environment = Environment(
        loader=PackageLoader("scripts.compliance", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    data = pages(document)
    for section in data["sections"]:
        for figure in section["figures"]:
            figure["svg"] = Markup(figure["svg"])  # noqa: S704  # drawn by us: its labels are escaped
    return environment.get_template(_TEMPLATE).render(data).encode()
