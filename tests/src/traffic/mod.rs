//! Real traffic between the endpoints of a lab, a protocol a file.
//!
//! Every client binds to the address of the endpoint it speaks for, has a
//! deadline, and says what came of it in an [`Answer`]; an `Err` means that the
//! lab itself failed. Servers run on threads until their [`Server`] is dropped.

pub mod answer;
pub mod bulk;
pub mod dhcp;
pub mod dns;
pub mod frame;
pub mod hl7;
pub mod neighbour;
pub mod ntp;
pub mod pair;
pub mod ping;
pub mod program;
pub mod server;
pub mod stream;
pub mod tcp;
pub mod udp;
pub mod wire;

pub use answer::{Answer, Outcome};
pub use pair::{Pair, Speaker};
pub use program::Program;
pub use server::Server;
pub use stream::{Stream, Tally};
