"""Every colour of the report, once: a name, its light and its dark value."""

from __future__ import annotations

# Implementations are two hues by two lightnesses: cool where the update is written
# by hand, warm where a library makes it. Smallest CAM02-UCS distance between any
# two under normal, deuteran, protan and tritan sight: 28 light, 26 dark.
COLOURS: dict[str, tuple[str, str]] = {
    "bg": ("#ffffff", "#14171c"),
    "panel": ("#f5f6f8", "#1b1f26"),
    "ink": ("#16191d", "#e7eaee"),
    "muted": ("#4f5865", "#a8b1bd"),
    "grid": ("#dfe3e8", "#2f3641"),
    "accent": ("#2a5bd0", "#8fb3ff"),
    "truth": ("#6b3fa0", "#c9a6f5"),
    "numpy": ("#10125f", "#8fe9f7"),
    "autograd": ("#2a76b0", "#5f92dc"),
    "optim": ("#ad5622", "#c98a3a"),
    "module": ("#5a0a12", "#fbe99a"),
    "q1": ("#2f78b4", "#5c8fc2"),
    "q2": ("#27669c", "#7aa6d3"),
    "q3": ("#1f5485", "#9abfe4"),
    "q4": ("#143f69", "#b9d5f0"),
    "q5": ("#08294c", "#dbeafa"),
    "ok": ("#0b6e4f", "#5fd39a"),
    "warn": ("#8f5200", "#ffb75c"),
    "fail": ("#a3123a", "#ff8fa0"),
    "skip": ("#5b6470", "#a3adba"),
    "p1": ("#c9ced6", "#4a5360"),
    "p2": ("#8fb4d6", "#3d6a94"),
    "p3": ("#47535f", "#8a94a3"),
    "p4": ("#d9a06b", "#a56a2e"),
    "p5": ("#10125e", "#8fe9f6"),
    "p6": ("#b0784a", "#d39a5f"),
}
# Colours that text is written in; each has a contrast of at least 4.5 on the page.
TEXT = ("ink", "muted", "accent", "truth", "numpy", "autograd", "optim", "module", "q1", "q2", "q3", "q4", "q5",
        "ok", "warn", "fail", "skip")  # fmt: skip
IMPLEMENTATIONS = ("numpy", "autograd", "optim", "module")
LABELS = {"optim": "torch.optim", "module": "nn.Module"}
PHASES = {"start and exit": "p1", "data": "p2", "setup": "p3", "recording": "p4", "timing": "p5", "evaluation": "p6"}
_RAMP = ("q1", "q2", "q3", "q4", "q5")


def css() -> str:
    """The colours as custom properties; `light-dark()` follows the reader's scheme."""
    return "".join(f"--{name}:light-dark({light},{dark});" for name, (light, dark) in COLOURS.items())


def hexadecimal(name: str) -> str:
    """What a figure is drawn in before its colours become variables."""
    return COLOURS[name][0]


def of_implementation(name: str) -> str:
    """The colour of an implementation; one from a plug-in is drawn in ink."""
    return name if name in IMPLEMENTATIONS else "ink"


def of_level(position: int, count: int) -> str:
    """A colour of the one-hue ramp for a level of an ordered axis."""
    return _RAMP[-1] if count < 2 else _RAMP[round(position * (len(_RAMP) - 1) / (count - 1))]


def label(implementation: str) -> str:
    """The name a reader knows the implementation by."""
    return LABELS.get(implementation, implementation)


__all__ = [
    "COLOURS",
    "IMPLEMENTATIONS",
    "LABELS",
    "PHASES",
    "TEXT",
    "css",
    "hexadecimal",
    "label",
    "of_implementation",
    "of_level",
]
