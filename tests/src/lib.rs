//! The lab: a small ward, an enforcer box and a core network in network
//! namespaces of one machine, real clients and servers to talk through it, and
//! the daemon under test. Needs root.
//!
//! Read in this order: [`topology`] says what the lab looks like, [`lab`] builds
//! it, [`daemon`] and [`client`] run the enforcer in it, [`traffic`] talks
//! through it, [`demo`] puts all of it on one page. There everything is
//! seen from outside, as a user sees it; [`program`] alone links the enforcer and
//! runs its kernel half frame by frame. [`pack`] holds what the shipped signatures are
//! tried with, in both.

pub mod client;
pub mod crossing;
pub mod daemon;
pub mod demo;
pub mod inspected;
pub mod interrupt;
pub mod lab;
pub mod live;
pub mod load;
pub mod mac;
pub mod namespace;
pub mod offload;
pub mod pack;
pub mod program;
pub mod records;
pub mod sweep;
pub mod topology;
pub mod traffic;
pub mod wait;
pub mod ward;
mod wiring;

pub use client::Client;
pub use crossing::Crossing;
pub use daemon::Daemon;
pub use lab::{Endpoint, Lab};
pub use load::Load;
pub use mac::Mac;
pub use namespace::Namespace;
pub use topology::Topology;
pub use traffic::{Answer, Outcome};
pub use ward::Ward;
