"""
The tables of a run file.

Schema numbers (`user_version`):
    1   2026-11  first
    2   2026-11  attempts, fingerprints, plug-ins, records that gave way to a retry
    3   2026-11  references; plug-ins' files
"""

from __future__ import annotations

SCHEMA = 3
FILE_NAME = "run.sqlite"

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE scenario (
    name TEXT PRIMARY KEY, path TEXT NOT NULL, text TEXT NOT NULL, settings TEXT NOT NULL);
CREATE TABLE file (
    scenario TEXT NOT NULL, name TEXT NOT NULL, content BLOB NOT NULL, PRIMARY KEY (scenario, name));
CREATE TABLE cell (
    scenario TEXT NOT NULL, cell TEXT NOT NULL, position INTEGER NOT NULL, axes TEXT NOT NULL, spec TEXT NOT NULL,
    job TEXT NOT NULL, changed INTEGER NOT NULL, reference TEXT NOT NULL, PRIMARY KEY (scenario, cell));
CREATE TABLE reference (
    scenario TEXT NOT NULL, reference TEXT NOT NULL, position INTEGER NOT NULL,
    status TEXT NOT NULL DEFAULT '', outcome TEXT, started REAL NOT NULL DEFAULT 0, seconds REAL NOT NULL DEFAULT 0,
    content TEXT NOT NULL DEFAULT '', data BLOB NOT NULL DEFAULT X'', PRIMARY KEY (scenario, reference));
CREATE TABLE plan (
    scenario TEXT NOT NULL, cell TEXT NOT NULL, replicate INTEGER NOT NULL, phase TEXT NOT NULL,
    round INTEGER NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (scenario, cell, replicate));
CREATE TABLE record (
    scenario TEXT NOT NULL, cell TEXT NOT NULL, replicate INTEGER NOT NULL,
    status TEXT NOT NULL, outcome TEXT, host TEXT NOT NULL, "order" INTEGER NOT NULL, started REAL NOT NULL,
    seconds REAL NOT NULL, template TEXT NOT NULL, jobs INTEGER NOT NULL, content TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    PRIMARY KEY (scenario, cell, replicate));
CREATE TABLE trace (
    scenario TEXT NOT NULL, cell TEXT NOT NULL, replicate INTEGER NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (scenario, cell, replicate));
CREATE TABLE retried AS SELECT * FROM record;
CREATE TABLE canary (
    attempt INTEGER NOT NULL, round INTEGER NOT NULL, implementation TEXT NOT NULL, started REAL NOT NULL,
    template TEXT NOT NULL, content TEXT NOT NULL, PRIMARY KEY (attempt, round, implementation));
CREATE TABLE attempt (
    number INTEGER PRIMARY KEY, host TEXT NOT NULL, arguments TEXT NOT NULL, started REAL NOT NULL, finished REAL);
CREATE TABLE fingerprint (kind TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, name));
CREATE TABLE plugin (
    name TEXT PRIMARY KEY, source TEXT NOT NULL, digest TEXT NOT NULL, devices TEXT NOT NULL, outfit TEXT NOT NULL);
CREATE TABLE environment (host TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (host, key));
"""
