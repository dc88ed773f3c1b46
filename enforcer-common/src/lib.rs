//! Everything that the kernel half and user space agree on: types, tables, the
//! parser and the decision. No I/O; `no_std`.
#![no_std]

#[cfg(feature = "user")]
extern crate std;

pub mod addr;
pub mod application;
pub mod automata;
pub mod cache;
pub mod control;
pub mod counter;
pub mod decide;
pub mod device;
pub mod event;
pub mod flow;
pub mod flow_table;
pub mod forward;
pub mod fragment;
#[cfg(feature = "user")]
mod layout;
pub mod learned;
pub mod limits;
pub mod packet;
pub mod port;
pub mod rate;
pub mod sanity;
pub mod shared;
pub mod signature;
pub mod stream;
pub mod table;
pub mod tables;
pub mod threshold;
pub mod verdict;
