"""Figures of a report as SVG: the same drawing in the PDF and in the HTML, made of numbers and labels alone.

* :mod:`~scripts.compliance.plots.figures`: what can be drawn, as data.
* :mod:`~scripts.compliance.plots.drawing`: elements, text that fits, ticks, and the look of each outcome.
* :mod:`~scripts.compliance.plots.over_time`: bars over time, stacked, in one panel or in one for each row.
* :mod:`~scripts.compliance.plots.ranked`: ages against a limit.
* :mod:`~scripts.compliance.plots.drawn`: which of them draws which figure.

Drawn here rather than by a library: the well-kept ones bring a browser, or numpy and a hundred megabytes, or stamp
random ids into what they draw, and every byte of a report is to be the same when it is made again.
"""
