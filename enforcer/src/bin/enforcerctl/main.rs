//! `enforcerctl`: arguments only. Each group of commands has a file of its own;
//! what they print goes through `render`, how they end through `exit`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use enforcer::control::client::{Client, SOCKET};

mod change;
mod events;
mod exit;
mod explain;
mod history;
mod inventory;
mod learned;
mod live;
mod policy;
mod rehearse;
mod render;
mod schema;
mod signatures;
mod simulate;
mod status;
mod top;
mod traffic;

use exit::Stop;
use render::{Colour, Format, Output};

const CODES: &str = "\
Exit codes:
  0  done (explain: the question was answered, whatever the verdict)
  1  failure
  2  wrong usage
  3  the policy has errors or cannot be read
  4  the daemon cannot be reached
  5  not permitted
  6  simulate --fail-on: a frame has that fate

Examples:
  enforcerctl check ward.yaml          is this policy right? (needs no daemon)
  enforcerctl diff ward.yaml           what would it change?
  enforcerctl apply ward.yaml          put it in force
  enforcerctl history                  who changed what, and when?
  enforcerctl events --follow          what is being denied?
  enforcerctl explain --from pump-1 --to 10.20.0.36 --tcp 3613";

/// Speaks with enforcerd, the inline segmentation enforcer.
#[derive(Debug, Parser)]
#[command(name = "enforcerctl", version, after_help = CODES, propagate_version = true)]
struct Arguments {
    /// Control socket of the daemon
    #[arg(long, global = true, value_name = "PATH", default_value = SOCKET, env = "ENFORCER_SOCKET")]
    socket: PathBuf,
    /// Tables for people, JSON for scripts
    #[arg(
        short,
        long,
        global = true,
        value_name = "FORMAT",
        default_value = "table"
    )]
    output: Format,
    /// When to use colours; `auto` is on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Colour,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Put a policy in force, all of it or nothing
    ///
    /// Reads FILE and what it includes and hands them to the daemon, which
    /// replaces the policy in force in one step. A policy with errors changes
    /// nothing.
    #[command(after_help = "Examples:
  enforcerctl apply policies/ward.yaml --dry-run
  enforcerctl apply policies/ward.yaml --confirm-within 10m
  enforcerctl apply policies/ward.yaml --canary infusion=5%")]
    Apply {
        /// The policy's main file (YAML)
        file: PathBuf,
        /// Only say what would change, as `diff` does
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        how: policy::How,
    },
    /// Say all that is wrong with a policy; needs no daemon
    #[command(after_help = "Example:\n  enforcerctl check policies/ward.yaml")]
    Check {
        /// The policy's main file (YAML)
        file: PathBuf,
        /// Take warnings for errors: end with 3 where there are any
        #[arg(long)]
        strict: bool,
    },
    #[command(flatten)]
    Change(change::Command),
    /// Say what applying a policy would change
    Diff {
        /// The policy's main file (YAML)
        file: PathBuf,
    },
    /// Show the daemon, its ports and the policy in force
    Status,
    /// List the declared devices
    Devices,
    /// List the rules in force and how often each was used
    Rules,
    /// List the flows that are remembered
    Flows {
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
    },
    /// List the addresses that devices were given: for DNS names, and by DHCP
    #[command(after_help = "Example:\n  enforcerctl learned --device ct-1")]
    Learned {
        /// Only what this device was given
        #[arg(long, value_name = "NAME")]
        device: Option<String>,
    },
    /// List denials, real and audited
    #[command(after_help = "Example:\n  enforcerctl events --follow -o json | jq .reason")]
    Events {
        /// Go on with new ones as they come
        #[arg(short, long)]
        follow: bool,
        /// Begin with the last so many
        #[arg(long, value_name = "N", default_value_t = 20)]
        last: usize,
    },
    /// Show packets and bytes by port, fate and reason
    Counters,
    /// Watch rates, rules, flows and denials live; q quits
    Top,
    /// Say what would become of a first packet, and why
    ///
    /// The answer comes from the code that judges in the kernel, step by step.
    /// An end is a device's name, a MAC address or an IP address. An address that
    /// is no device's is a host on the core side; a MAC address that is not
    /// declared is a stranger on the device side.
    #[command(after_help = "Examples:
  enforcerctl explain --from pump-1 --to 10.20.0.36 --tcp 3613
  enforcerctl explain --from 10.20.0.24 --to monitor-icu-1 --icmp 8
  enforcerctl explain --policy ward.yaml --from pump-1 --to pump-2 --udp 161
  enforcerctl explain --from pump-1 --to 10.20.0.36 --tcp 22 --at 2027-03-01T23:00:00+01:00")]
    Explain(explain::Arguments),
    /// Judge captured or recorded traffic by a policy, before anybody enforces it
    ///
    /// Every frame is judged in order, with the state and at the time that go with it.
    /// A frame whose source is a declared device is taken to come in on the device
    /// side, by the port that the device is bound to; any other on the core side. A
    /// capture that is cut off or damaged is judged up to that place and ends with
    /// code 1; so do engines that differ. Denied frames are no failure, unless
    /// --fail-on says so. Captures need no daemon.
    ///
    /// With --live, the flows that the daemon has recorded are judged instead, each by
    /// its first packet: what passed and would be denied, what was denied and would
    /// pass, device by device, and how much of the time was watched at all.
    #[command(after_help = "Examples:
  enforcerctl simulate ward.yaml --pcap monday.pcapng tuesday.pcapng.gz
  enforcerctl simulate ward.yaml --live --since 30d
  enforcerctl simulate ward.yaml --pcap ward.pcap --engine both --fail-on deny
  enforcerctl simulate ward.yaml --pcap ward.pcap -o json | jq '.reasons[] | select(.fate == \"deny\")'")]
    Simulate(simulate::Arguments),
    /// Work with signatures, what is looked for in payloads
    #[command(subcommand)]
    Signatures(signatures::Command),
    /// Print the JSON Schema of the policy language, for editors; needs no daemon
    #[command(
        after_help = "Example:\n  enforcerctl schema > ~/.config/enforcer/policy.schema.json\n\nFirst line of a policy, for editors that use the YAML language server:\n  # yaml-language-server: $schema=policy.schema.json"
    )]
    Schema,
    /// Print a completion script for a shell
    #[command(
        after_help = "Example:\n  enforcerctl completions bash > /etc/bash_completion.d/enforcerctl"
    )]
    Completions { shell: Shell },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Output::new(arguments.output, arguments.color);
    let client = Client::new(&arguments.socket);
    let done = run(arguments.command, &client, &output).await;
    exit::code(done, &output)
}

async fn run(command: Command, client: &Client, output: &Output) -> Result<(), Stop> {
    match command {
        Command::Apply {
            file,
            dry_run: false,
            how,
        } => policy::apply(&file, how, client, output).await,
        Command::Apply {
            file,
            dry_run: true,
            ..
        }
        | Command::Diff { file } => policy::diff(&file, client, output).await,
        Command::Change(command) => change::run(command, client, output).await,
        Command::Check { file, strict } => policy::check(&file, strict, output),
        Command::Status => status::status(client, output).await,
        Command::Devices => inventory::devices(client, output).await,
        Command::Rules => inventory::rules(client, output).await,
        Command::Flows { limit } => traffic::flows(limit, client, output).await,
        Command::Learned { device } => learned::learned(device.as_deref(), client, output).await,
        Command::Counters => traffic::counters(client, output).await,
        Command::Events { follow, last } => events::events(follow, last, client, output).await,
        Command::Top => top::top(client, output).await,
        Command::Explain(arguments) => explain::explain(arguments, client, output).await,
        Command::Simulate(arguments) if arguments.recorded.live => {
            live::simulate(&arguments.policy, &arguments.recorded, client, output).await
        }
        Command::Simulate(arguments) => simulate::simulate(&arguments, output),
        Command::Signatures(command) => signatures::run(&command, client, output).await,
        Command::Schema => schema::schema(output),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "enforcerctl", &mut script);
            output.raw(&script)
        }
    }
}
