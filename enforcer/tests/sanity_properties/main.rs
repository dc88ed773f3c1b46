//! Sanity predicates in user space, against plain readings of the lists and names that they
//! walk over: what is told of random bytes is what the reference tells of them.

#![expect(clippy::panic, reason = "a test fails by panicking")]

mod names;
mod options;
mod rig;
