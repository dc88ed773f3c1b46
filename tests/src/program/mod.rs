//! The program run: the real object under BPF_PROG_TEST_RUN beside the same
//! decision in user space. Every frame goes through both, and any difference in
//! verdict, reason, rule, device or flow fails the test. Needs root.
//!
//! [`ward`] is the policy most tests start from, [`frame`] composes packets,
//! [`Rig`] judges them; [`random`] and [`capture`] bring many.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

pub mod capture;
pub mod conditions;
pub mod frame;
pub mod odd;
pub mod pack;
pub mod random;
pub mod rig;
pub mod talk;
pub mod ward;

pub use frame::Link;
pub use rig::{Outcome, Rig};
pub use talk::Talk;
