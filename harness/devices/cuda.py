"""An NVIDIA card through torch."""

from __future__ import annotations

import torch


class Cuda:
    """The first CUDA device that torch sees."""

    def missing(self) -> str | None:
        if torch.version.cuda is None:
            return f"this torch ({torch.__version__}) is built without CUDA"
        if not torch.cuda.is_available():
            return "torch finds no CUDA device on this machine"
        return None

    def synchronize(self) -> None:
        torch.cuda.synchronize()

    def peak_bytes(self) -> int | None:
        return int(torch.cuda.max_memory_allocated())

    def describe(self) -> dict[str, str]:
        if self.missing():
            return {"cuda": self.missing() or ""}
        return {"cuda": str(torch.version.cuda), "cuda_device": torch.cuda.get_device_name(0)}
