"""Formats of `harness export`, a file each: a run in, text or bytes out."""
