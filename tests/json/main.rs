//! JSON: tables of literal texts, properties against serde_json, and results that limits and pieces must not change.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod common;
mod encoder;
mod limits;
mod numbers;
mod properties;
mod suite;
mod texts;
