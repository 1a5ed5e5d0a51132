"""Arrays by name as one run of bytes."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Arrays: TypeAlias = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Layout:
    """
    Where arrays lie behind each other in bytes.

    Args:
        parts: Of each by name: dtype, number of values, shape, and the byte where it begins.
        size: Bytes of all.
    """

    parts: dict[str, tuple[np.dtype[Any], int, tuple[int, ...], int]]
    size: int

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """All of them as one element of an array."""
        return np.dtype([(name, dtype, shape) for name, (dtype, _, shape, _) in self.parts.items()])


class Packed(Mapping[str, NDArray[Any]]):
    """
    Arrays in the bytes of them all; each is made when it is asked for.

    A dictionary of them would take as much memory again as the numbers of a short trace.

    Args:
        layout: Where each lies.
        data: The bytes.

    Raises:
        ValueError: If these are too few.
    """

    __slots__ = ("data", "layout")

    def __init__(self, layout: Layout, data: bytes) -> None:
        if len(data) < layout.size:
            raise ValueError(f"its arrays take {layout.size} bytes, and there are {len(data)}")
        self.layout, self.data = layout, data

    def __getitem__(self, name: str) -> NDArray[Any]:
        dtype, count, shape, at = self.layout.parts[name]
        array = np.frombuffer(self.data, dtype, count, at)
        return array if len(shape) == 1 else array.reshape(shape)

    def __contains__(self, name: object) -> bool:
        return name in self.layout.parts

    def __iter__(self) -> Iterator[str]:
        return iter(self.layout.parts)

    def __len__(self) -> int:
        return len(self.layout.parts)


EMPTY = Packed(Layout({}, 0), b"")


def stacked(many: Sequence[Packed], *names: str) -> list[NDArray[Any]]:
    """
    The arrays of these names of n times arrays of one layout, each of shape (n, ...).

    Stacking them one by one takes ten times as long.
    """
    layout = many[0].layout
    rows = np.frombuffer(b"".join([item.data[: layout.size] for item in many]), layout.dtype)
    return [np.ascontiguousarray(rows[name]) for name in names]


def pack_arrays(arrays: Arrays) -> bytes:
    """
    Arrays by name as one blob: a JSON head of names, dtypes and shapes, then the bytes.

    NumPy's npz form takes 3 ms to read and as long to write for arrays this small.
    """
    if not arrays:
        return b""
    little = {name: array.astype(array.dtype.newbyteorder("<"), copy=False) for name, array in arrays.items()}
    head = {name: [array.dtype.str, array.shape] for name, array in little.items()}
    body = b"".join(array.tobytes() for array in little.values())
    # A window no wider than most bodies: the usual one has 256 KiB, all of it new to
    # the process, and costs 0.2 ms of page faults.
    deflate = zlib.compressobj(1, wbits=12 if len(body) <= 4096 else 15, memLevel=5 if len(body) <= 4096 else 8)
    return json.dumps(head).encode() + b"\n" + deflate.compress(body) + deflate.flush()


def unpack_arrays(blob: bytes) -> dict[str, NDArray[Any]]:
    """The arrays that `pack_arrays` wrote."""
    return {**packed(blob)}


def packed(blob: bytes) -> Packed:
    """
    The arrays that `pack_arrays` wrote, each to be made when it is asked for; none of no bytes.

    Raises:
        ValueError: If the bytes are others; or another error that reading them raises.
    """
    if not blob:
        return EMPTY
    head, _, body = blob.partition(b"\n")
    layout = _layout(head)
    return Packed(layout, zlib.decompress(body, bufsize=max(1, layout.size)))


@lru_cache(maxsize=64)
def _layout(head: bytes) -> Layout:
    """Where a head says that arrays lie; cells of one kind have the same, and reading it takes longer than the rest."""
    parts, at = {}, 0
    for name, (text, shape) in json.loads(head).items():
        dtype, count = np.dtype(text), math.prod(shape)
        if not all(type(length) is int and length >= 0 for length in shape):
            raise ValueError(f"the array {name} has the shape {shape}")
        parts[name] = (dtype, count, tuple(shape), at)
        at += count * dtype.itemsize
    return Layout(parts, at)
