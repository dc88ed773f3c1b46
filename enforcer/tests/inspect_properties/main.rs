//! The inspection of payloads in user space, against plain readings of what it promises:
//! a signature is found exactly where a reference finds it, however the text is cut;
//! what a receiver puts together bears none; and an honest sender gets through.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod cached;
mod found;
mod glances;
mod heard;
mod known;
mod liveness;
mod reference;
mod rig;
mod run;
mod signatures;
mod soundness;
mod thresholds;
