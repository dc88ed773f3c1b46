//! `signatures`: what is looked for in payloads, apart from the rest of a policy.

use clap::Subcommand;
use enforcer::control::client::Client;

use crate::exit::Stop;
use crate::render::Output;

mod files;
mod import;
mod in_force;
mod told;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make signatures of rules of Suricata and Snort; needs no daemon
    ///
    /// Prints a file for a policy to include, and says on standard error how many rules
    /// were loaded and which keywords stood in the way of the others. A rule is loaded
    /// if a signature can say all that it says, and refused otherwise: none loses a
    /// condition. Narrowed are those that could stretch over more bytes than a signature
    /// covers, and are found where they do not. Of rules with the same sid, also in
    /// several files, the first is loaded.
    ///
    /// Ends with code 1 if there are rules and none was loaded, or a file cannot be read.
    #[command(after_help = "Examples:
  enforcerctl signatures import emerging-exploit.rules > exploit.yaml
  enforcerctl signatures import --action alert --refused rules/ > rules.yaml
  enforcerctl signatures import rules/ -o json | jq .by_keyword

Then, in the policy:
  include: exploit.yaml")]
    Import(import::Arguments),
    /// List the signatures in force and in how many packets each was found
    List,
    /// Show one signature of the policy in force, by name or number
    #[command(after_help = "Example:\n  enforcerctl signatures show log4shell")]
    Show {
        /// Name or number of the signature
        signature: String,
    },
    /// Show what is looked for together, and what that takes
    Stats,
}

pub(crate) async fn run(command: &Command, client: &Client, output: &Output) -> Result<(), Stop> {
    match command {
        Command::Import(arguments) => import::import(arguments, output),
        Command::List => in_force::list(client, output).await,
        Command::Show { signature } => in_force::show(signature, client, output).await,
        Command::Stats => in_force::stats(client, output).await,
    }
}
