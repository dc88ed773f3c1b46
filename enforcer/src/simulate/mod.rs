//! The decision in user space: the same code that the kernel runs, over the same
//! compiled policy. Judges frames from tests, captures and `explain`.

pub mod explain;
mod tables;

pub use tables::HostTables;
