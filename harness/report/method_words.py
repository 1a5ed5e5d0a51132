"""The words of the page that a newcomer does not know, in few words each."""

from __future__ import annotations

from harness.analysis.agreement import TOLERANCE
from harness.analysis.timing import LEAST_PROCESSES

Terms = tuple[tuple[str, str], ...]

_RUN: Terms = (
    ("cell", "One point of the grid: one value on each axis. It runs in a process of its own."),
    ("replicate", "The same cell once more, in another process. Replicates must end on the same bits."),
    ("template", "A process that has done all imports; cells are forked from it."),
    ("implementation", "One way to write the same update: numpy and autograd by hand, torch.optim and nn.Module by the "
     "library."),
    ("reference configuration", "Where the axes that are not shown are held fixed: a timed one where there is one; of "
     "these the one with the most cells that did not diverge, then the most correct digits, then the least loss."),
    ("skipped", "The device or the implementation is not available here; said, and no failure."),
)  # fmt: skip
_FOUND: Terms = (
    ("truth", "What the data were made with, the mean of the noise counted into the bias."),
    ("optimum", "The exact best fit to the training rows. It differs from the truth by sampling."),
    ("correct digits", "Least, over the parameters, of −log₁₀ of the relative error against the optimum. It measures "
     "arithmetic and optimisation, not how near the optimum is to the truth."),
    ("parts of the error", "Found less truth is the sum of three: rounding (found, less where the same training ends "
     "in extended precision), optimisation (that, less the optimum), estimation (the optimum, less the truth)."),
    ("condition number", "Largest over smallest eigenvalue of the Hessian of a squared loss: how much steeper the loss "
     "is in one direction than in another. The larger, the slower descent on all rows can be."),
)  # fmt: skip


def _converged(digits: float) -> Terms:
    return (
        ("excess loss", "Loss over all training rows, less that of the optimum over the same rows."),
        ("diverged", "Not finite, or the loss ends at more than twice its start."),
        ("converged", f"Every parameter has at least {digits:g} correct digits; without a unique optimum: the "
         "gradient's norm fell to a thousandth of its start."),
        ("stalled", "Neither, and the last tenth of the states is no better than the tenth before."),
        ("unfinished", "The rest: still on its way when the steps were used up."),
        ("possible loss reduction", "The loss at the start, less the least possible: that of the optimum; of a net the "
         "least that any cell of the same data found."),
        ("target", "So much of the possible loss reduction may be left, fixed before the run. Its steps are the "
         "updates until then; a miss counts as infinite."),
        ("ERT", "Expected running time: the steps of all seeds, misses with their whole budget, divided by "
         "how many reached the target."),
        ("performance profile", "The share of problems that one solves in at most so many times the least time; a "
         "problem is a configuration and a target, and one that nobody solved is left out. Read who is first at the "
         "left end, who solves most at the right; no second and third."),
        ("data profile", "The share of all problems that one solves within so many steps, unsolved ones counted."),
        ("contraction", "The factor a step by which the distance to the optimum changes: 0.99 takes a hundredth off, "
         "above 1 it diverges."),
        ("stable rate", "The learning rate above which descent on all rows diverges: without momentum 2 over the "
         "largest eigenvalue of the Hessian."),
    )  # fmt: skip


_TIMES: Terms = (
    ("process", "One observation of a timing: values inside one process are not independent, so a process contributes "
     "its median."),
    ("step time", "Seconds of a timed pass divided by its steps; the median over the passes of a process. Timed passes "
     "come after a recorded one, which warms up, and start from freshly loaded data."),
    ("inside the clock", "All steps of the training, the loss of each batch included, and the wait for the device. "
     "Making the data, loading them, recording and evaluating are outside."),
    ("timing group", "A cell without its seed; its observations are its processes (timed seeds × replicates)."),
    ("interval", "95\u202f% percentile bootstrap of the median, of times over processes, of digits and steps over "
     f"seeds: 2,000 resamples, fixed seed. Below {LEAST_PROCESSES} there is none, and no difference is claimed: not "
     "resolved."),
)  # fmt: skip
_BITS: Terms = (
    ("reference path", "The parameters after each step of the same training, from the same data, start and order, in "
     "extended precision. A cell follows it while it stays within rounding of it."),
    ("ULP", "Unit in the last place: the gap between two neighbouring numbers of a dtype, here at the size of the "
     "largest parameter so far. 0 is the same value; in float64 a unit is about 10⁻¹⁶ of it, in float32 10⁻⁷."),
    ("within rounding", "At most 4,504 roundings of the largest parameter so far: 10⁻¹² of it in float64, 5.4 × 10⁻⁴ "
     "in float32. Beside a reference, and between dtypes, 8 roundings a step where that is more."),
    ("kink", "Where loss or activation bends: an error of 0 (mae) or of delta (huber), an input of 0 (relu). Within "
     "rounding of one, two right computations may go on differently, so paths are compared up to there."),
    ("same process", "Timed passes end on the bits of the recorded pass before them. Required."),
    ("other process", "Replicates leave the same bits, in every state and every step's loss. Required."),
    ("other template", "The same, where the processes come from two templates. Required."),
    ("thread counts, implementations, dtypes, devices", "Cells that differ in this alone, compared state by state. "
     "Within rounding is enough."),
    ("other run", "Everything again later, or elsewhere: harness reproduce compares it. Required."),
    ("rounded once", "A fused multiply-add takes rate × gradient off the parameter and rounds once; by hand the "
     "product is rounded before, so twice. Both are right."),
)  # fmt: skip
_GATES: Terms = (
    ("gate: every cell", "Every planned process left its record, and none failed but those that an expectation of its "
     "status names."),
    ("gate: expectations", "Every expectation that could be checked holds in every cell it is about."),
    ("gate: repeatability", "Every cell that ran more than once left the same bits each time."),
    ("gate: agreement", f"In float64 the paths of two implementations differ by at most {TOLERANCE:g} of the largest "
     "parameter so far, up to the first state that is not finite, or a kink; and no cell leaves its reference path."),
)  # fmt: skip


def groups(digits: float) -> tuple[tuple[str, Terms], ...]:
    """
    Headings and their terms, in the order of the page.

    Args:
        digits: Correct digits that count as converged.
    """
    return (
        ("What was run?", _RUN),
        ("How far off are the parameters?", _FOUND),
        ("How far has training come?", _converged(digits)),
        ("How is time measured?", _TIMES),
        ("When are two paths the same?", _BITS),
        ("What does the verdict rest on?", _GATES),
    )
