//! The control interface between `enforcerd` and `enforcerctl`: HTTP with JSON
//! over a Unix socket.

pub mod api;
pub mod client;
