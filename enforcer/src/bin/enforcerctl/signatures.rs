//! `signatures`: what is looked for in payloads, apart from the rest of a policy.

use clap::Subcommand;

use crate::exit::Stop;
use crate::render::Output;

mod files;
mod import;
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
}

pub(crate) fn run(command: &Command, output: &Output) -> Result<(), Stop> {
    match command {
        Command::Import(arguments) => import::import(arguments, output),
    }
}
