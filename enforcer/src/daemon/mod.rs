//! `enforcerd`: keeps the datapath loaded, takes policies into force, and tells
//! what happens. Enforcement itself goes on without it.

pub mod config;
mod engine;
mod events;
mod http;
pub mod links;
mod metrics;
pub mod preflight;
mod run;
mod state;
mod views;
mod watch;

pub use run::{detach, run};
