//! In-process RESP server for tests.
