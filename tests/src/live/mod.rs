//! What live traffic is measured with: programs of a few instructions that make frames,
//! send them on and count them, and the kernel's way of letting frames come in by a port.
//! The bench compares the enforcer with others by them; nothing here judges a frame.

pub mod assembly;
pub mod bare;
pub mod clock;
pub mod generator;
pub mod kernel;
pub mod stream;
mod template;

pub use generator::Generator;
pub use stream::{Order, Segment, Stream};
