//! The decision in user space: the same code that the kernel runs, over the same
//! compiled policy. Judges frames from tests, captures and `explain`.

mod calendars;
pub mod capture;
mod clock;
pub mod engine;
pub mod expectations;
pub mod explain;
mod learning;
pub mod live;
pub mod origin;
pub mod ports;
pub mod replay;
pub mod report;
mod summary;
mod tables;
mod tally;

pub use tables::HostTables;
