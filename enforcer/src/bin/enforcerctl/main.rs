//! `enforcerctl`: arguments only. Each group of commands has a file of its own;
//! what they print goes through `render`, how they end through `exit`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use enforcer::control::api::AskedService;
use enforcer::control::client::{Client, SOCKET};

mod events;
mod exit;
mod explain;
mod inventory;
mod policy;
mod render;
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

Examples:
  enforcerctl check ward.yaml          is this policy right? (needs no daemon)
  enforcerctl diff ward.yaml           what would it change?
  enforcerctl apply ward.yaml          put it in force
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
    #[command(after_help = "Example:\n  enforcerctl apply policies/ward.yaml --dry-run")]
    Apply {
        /// The policy's main file (YAML)
        file: PathBuf,
        /// Only say what would change, as `diff` does
        #[arg(long)]
        dry_run: bool,
    },
    /// Say all that is wrong with a policy; needs no daemon
    #[command(after_help = "Example:\n  enforcerctl check policies/ward.yaml")]
    Check {
        /// The policy's main file (YAML)
        file: PathBuf,
    },
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
  enforcerctl explain --policy ward.yaml --from pump-1 --to pump-2 --udp 161")]
    Explain(Question),
    /// Print a completion script for a shell
    #[command(
        after_help = "Example:\n  enforcerctl completions bash > /etc/bash_completion.d/enforcerctl"
    )]
    Completions { shell: Shell },
}

#[derive(Debug, Args)]
struct Question {
    /// Who starts: a device, a MAC address or an IP address
    #[arg(long, value_name = "END")]
    from: String,
    /// Who is asked: the same
    #[arg(long, value_name = "END")]
    to: String,
    #[command(flatten)]
    service: Service,
    /// Judge by this policy and not by the one in force; needs no daemon
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Service {
    /// TCP to this port
    #[arg(long, value_name = "PORT")]
    tcp: Option<u16>,
    /// UDP to this port
    #[arg(long, value_name = "PORT")]
    udp: Option<u16>,
    /// ICMP or ICMPv6 of this type, as the addresses are; echo request is 8, or 128
    #[arg(long, value_name = "TYPE")]
    icmp: Option<u8>,
    /// Another IP protocol, by number
    #[arg(long, value_name = "NUMBER")]
    protocol: Option<u8>,
}

impl Service {
    fn asked(&self) -> Option<AskedService> {
        let tcp = self.tcp.map(AskedService::Tcp);
        let udp = self.udp.map(AskedService::Udp);
        let icmp = self.icmp.map(AskedService::Icmp);
        tcp.or(udp)
            .or(icmp)
            .or(self.protocol.map(AskedService::Protocol))
    }
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
        } => policy::apply(&file, client, output).await,
        Command::Apply {
            file,
            dry_run: true,
        }
        | Command::Diff { file } => policy::diff(&file, client, output).await,
        Command::Check { file } => policy::check(&file, output),
        Command::Status => status::status(client, output).await,
        Command::Devices => inventory::devices(client, output).await,
        Command::Rules => inventory::rules(client, output).await,
        Command::Flows { limit } => traffic::flows(limit, client, output).await,
        Command::Counters => traffic::counters(client, output).await,
        Command::Events { follow, last } => events::events(follow, last, client, output).await,
        Command::Top => top::top(client, output).await,
        Command::Explain(question) => match question.service.asked() {
            Some(service) => {
                let policy = question.policy.as_deref();
                let asked = enforcer::control::api::Question {
                    from: question.from,
                    to: question.to,
                    service,
                };
                explain::explain(&asked, policy, client, output).await
            }
            None => Err(Stop::Failed(
                "one of --tcp, --udp, --icmp and --protocol is needed".to_owned(),
            )),
        },
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "enforcerctl", &mut script);
            output.raw(&script)
        }
    }
}
