"""What the words of expectations mean: quantities, outcomes, statuses, states."""

from __future__ import annotations

QUANTITIES = {
    "loss": "The loss over all training rows.",
    "validation_loss": "The loss over the rows held back; needs `data.validation`.",
    "step_loss": (
        "What the update that leaves the state returned: the loss of its batch before it, in the cell's dtype. "
        "Needs `at`, never the end."
    ),
    "epoch_loss": (
        "The step losses of one epoch, put together by `reduce`, in the cell's dtype. "
        "Needs `at = { epoch = e }`, with e from 1: a printed table that counts from 0 has to be renumbered."
    ),
    "weights": "One weight, by its place from 0: `weights[0]`. Linear models only.",
    "bias": "The bias. Linear models with an intercept only.",
    "gradient": (
        "One component of the gradient of the loss over all training rows: `gradient[0]`; weights first, the intercept "
        "last. Linear models only."
    ),
    "gradient_norm": "The 2-norm of that gradient over all parameters.",
    "prediction": "The model's output for the raw row `x`.",
    "r2": "1 − residual sum of squares / sum of squares about the mean, over the training rows.",
    "validation_r2": "The same over the rows held back.",
    "correct_digits": (
        "The least, over the parameters, of −log10 of the relative error against the exact optimum. Linear models only."
    ),
    "condition_number": (
        "Largest over smallest eigenvalue of the loss's Hessian; one for the whole cell. "
        "Linear models with a squared loss only."
    ),
    "stable_learning_rate": (
        "2 / largest eigenvalue of that Hessian (with momentum b: 2 (1 + b), with nesterov 2 (1 + b) / (1 + 2 b), over "
        "it): a full batch diverges above it; one for the whole cell. Linear models with a squared loss and sgd only."
    ),
    "outcome": "How the training went, a word; one for the whole cell.",
    "status": "How the process ended, a word; one for the whole cell.",
}
OUTCOMES = {
    "diverged": "A parameter or the loss is not finite, or the loss ends at more than twice its start.",
    "converged": (
        "Every parameter has `target.digits` correct digits against the exact optimum. Where there is none: the "
        "gradient's norm is at most a thousandth of its start."
    ),
    "stalled": "The loss no longer falls: the last tenth of the states is not below the tenth before.",
    "unfinished": "None of these: more steps would go further.",
}
STATUSES = {
    "ok": "All steps were done, finite or not.",
    "skipped": "The machine or the implementation lacks what the cell asks for; the record says what.",
    "failed": "It raised an exception, or its timed passes did not end on the bits of the first.",
    "crashed": "The process ended without a record: a signal, an abort.",
    "timed_out": "It took more than `run.timeout_seconds`.",
    "out_of_memory": "It took more than `run.memory_mb`.",
}
STATES = {
    '`at = "start"`': "State 0: before the first update.",
    '`at = "end"`': "The last state. This is the default.",
    "`at = { epoch = 5 }`": "After 5 epochs.",
    "`at = { step = 100 }`": "After 100 updates. State s is after s updates, s from 0.",
    "`at = { epoch = [1, 2] }`": "Several states; `value` is then a list of as many numbers.",
    '`table = "rows.csv"`': (
        "A csv file below the scenario's folder: a column `step` or `epoch`, and a column of values that is named like "
        "the quantity or by `column`."
    ),
}
