//! Figures of one run on one machine. Compare the figures with each other, not with
//! those of another machine.

mod inspect;
mod live;
mod packet;
mod scale;
mod swap;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Measures the program and the compiler. Needs root.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The enforcer beside the bare bridge, a bare redirect and other firewalls, on live
    /// traffic
    Live(live::Options),
    /// What the program costs a packet
    Packet,
    /// What looking for signatures costs a byte
    Inspect,
    /// Time and memory for up to 200,000 devices, and policies that change under load
    Scale {
        /// Policies that are put into force under load
        #[arg(long, default_value_t = 600)]
        generations: u32,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().what {
        What::Live(options) => live::run(&options),
        What::Packet => packet::run(),
        What::Inspect => inspect::run(),
        What::Scale { generations } => {
            scale::run()?;
            swap::run(generations)
        }
    }
}
