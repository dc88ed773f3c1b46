//! The flow table: what it says of flows is what a plain list of them would say, the right
//! ones make room, and several CPUs at once do it no harm.

mod concurrent;
mod host;
mod model;
mod room;
mod spread;
