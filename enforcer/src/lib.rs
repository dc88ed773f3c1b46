//! The user-space half of enforcer: policy, datapath, daemon and client.

pub mod control;
pub mod daemon;
pub mod datapath;
pub mod learn;
pub mod policy;
pub mod signatures;
pub mod simulate;
