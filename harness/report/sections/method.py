"""What the words and numbers of the page mean."""

from __future__ import annotations

from harness.analysis.agreement import TOLERANCE
from harness.analysis.timing import LEAST_PROCESSES
from harness.report.parts import Section
from harness.report.view import View


def section(view: View) -> Section:
    """A definition list."""
    target = view.scenario.document.target
    terms = (
        ("cell", "One point of the grid: one value on each axis. It runs in a process of its own."),
        ("replicate", "The same cell once more, in another process. Replicates must end on the same bits."),
        ("process", "One observation of a timing: values inside one process are not independent, so a process "
         "contributes its median."),
        ("step time", "Seconds of a timed pass divided by its steps; the median over the passes of a process. Timed "
         "passes come after a recorded one, which warms up, and start from freshly loaded data."),
        ("inside the clock", "All steps of the training, the loss of each batch included, and the wait for the "
         "device. Making the data, loading them, recording and evaluating are outside."),
        ("timing group", "A cell without its seed; its observations are its processes (timed seeds × replicates)."),
        ("interval", f"95\u202f% percentile bootstrap of the median over processes, 2,000 resamples, fixed seed. Below "
         f"{LEAST_PROCESSES} processes there is none, and no difference is claimed: not resolved."),
        ("correct digits", "Least, over the parameters, of −log₁₀ of the relative error against the exact optimum of "
         "the training rows. It measures arithmetic and optimisation, not how near the optimum is to the truth."),
        ("truth and optimum", "The truth is what the data were made with, the mean of the noise counted into the "
         "bias. The optimum is the best fit to the rows that were drawn; it differs from the truth by sampling."),
        ("excess loss", "Loss over all training rows, less the loss of the exact optimum over the same rows."),
        ("diverged", "Not finite, or the loss ends at more than twice its start."),
        ("converged", f"Every parameter has at least {target.digits:g} correct digits; without a unique optimum: the "
         "gradient's norm fell to a thousandth of its start."),
        ("stalled", "Neither, and the last tenth of the states is no better than the tenth before."),
        ("unfinished", "The rest: still on its way when the steps were used up."),
        ("skipped", "The device or the implementation is not available here; said, and no failure."),
        ("gate: every cell", "Every planned process left its record, and none failed but those that an expectation "
         "of its status names."),
        ("gate: expectations", "Every expectation that could be checked holds in every cell it is about."),
        ("gate: repeatability", "Every cell that ran more than once left the same bits each time."),
        ("gate: agreement", f"In float64 the paths of two implementations differ by at most {TOLERANCE:g} of the "
         "largest parameter so far, up to the first state that is not finite, or a kink of the loss that they take "
         "differently within rounding."),
    )  # fmt: skip
    return Section("method", "Method", "How to read the numbers", terms)
