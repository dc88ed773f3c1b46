//! `enforcerctl simulate` over captures that the tests write: exact totals, sides
//! and ports, time and what is learned from it, damaged files, exit codes, JSON.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod contents;
mod totals;
mod ward;
mod wrong_input;
