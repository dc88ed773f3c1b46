//! `enforcerd`: keeps the datapath loaded, takes policies into force, and tells
//! what happens. Enforcement itself goes on without it.

pub mod config;
mod engine;
mod events;
mod forwarding;
mod http;
mod inquiry;
mod learning;
pub mod links;
mod metrics;
mod observations;
pub mod preflight;
mod response;
mod run;
mod state;
mod switch;
mod tags;
mod views;
mod watch;

pub use run::{detach, run};
