"""A benchmark and reproducibility harness for gradient descent."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from harness import implementations
    from harness.frames import load
    from harness.implementations import implementation

# Imported when first used: `harness --help` and a NumPy-only cell must not pay
# for pandas, nor the planning side for NumPy.
_LAZY = {
    "load": ("harness.frames", "load"),
    "implementation": ("harness.implementations", "implementation"),
    "implementations": ("harness.implementations", None),
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    module, attribute = _LAZY[name]
    loaded = importlib.import_module(module)
    return loaded if attribute is None else getattr(loaded, attribute)


__all__ = ["__version__", "implementation", "implementations", "load"]
