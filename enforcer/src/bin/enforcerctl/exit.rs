//! How a command ends when not well: its exit code, and what it says.

use std::io::{self, Write as _};
use std::process::ExitCode;

use enforcer::control::api::Failure;
use enforcer::control::client;
use enforcer::policy::diagnostic::Diagnostics;

use crate::render::{Output, Style};

/// Why a command stops before it is done.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The reader of the output has gone: nothing is left to do or to say.
    NoReader,
    /// All is told already; the code to end with.
    Told(u8),
    Failed(String),
    Policy(Diagnostics),
    /// A policy without errors that the tables do not hold.
    Unfit(String),
    Client(client::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::NoReader,
            _ => Self::Failed(format!("cannot write the output: {error}")),
        }
    }
}

impl From<client::Error> for Stop {
    fn from(error: client::Error) -> Self {
        Self::Client(error)
    }
}

impl From<Diagnostics> for Stop {
    fn from(diagnostics: Diagnostics) -> Self {
        Self::Policy(diagnostics)
    }
}

impl Stop {
    fn number(&self) -> u8 {
        match self {
            Self::NoReader => 0,
            Self::Told(code) => *code,
            Self::Policy(_) | Self::Unfit(_) => 3,
            Self::Client(error) => match error {
                client::Error::Unreachable { .. } => 4,
                client::Error::Denied { .. } | client::Error::Forbidden(_) => 5,
                client::Error::Refused {
                    failure:
                        Failure {
                            diagnostics: Some(_),
                            ..
                        },
                    ..
                } => 3,
                client::Error::Refused {
                    failure: Failure { unfit: true, .. },
                    ..
                } => 3,
                _ => 1,
            },
            Self::Failed(_) => 1,
        }
    }

    fn failure(&self) -> Option<Failure> {
        match self {
            Self::NoReader | Self::Told(_) => None,
            Self::Failed(error) | Self::Unfit(error) => Some(Failure {
                error: error.clone(),
                diagnostics: None,
                unfit: matches!(self, Self::Unfit(_)),
            }),
            Self::Policy(diagnostics) => Some(Failure {
                error: summary(diagnostics),
                diagnostics: Some(diagnostics.clone()),
                unfit: false,
            }),
            Self::Client(error) => Some(error.failure()),
        }
    }
}

/// Says what went wrong, if anything did, and gives the code to end with.
pub(crate) fn code(done: Result<(), Stop>, output: &Output) -> ExitCode {
    let Err(stop) = done else {
        return ExitCode::SUCCESS;
    };
    if let Some(failure) = stop.failure() {
        // Nobody is left to tell that this cannot be told.
        let _ = if output.is_json() {
            output.json(&failure)
        } else {
            complain(&failure, output)
        };
    }
    ExitCode::from(stop.number())
}

fn complain(failure: &Failure, output: &Output) -> Result<(), Stop> {
    let mut stderr = io::stderr().lock();
    if let Some(diagnostics) = &failure.diagnostics {
        writeln!(stderr, "{diagnostics}")?;
    }
    writeln!(
        stderr,
        "{} {}",
        output.style_stderr("error:", Style::Bad),
        failure.error
    )?;
    Ok(())
}

fn summary(diagnostics: &Diagnostics) -> String {
    let plural = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    };
    let counts = [
        (diagnostics.errors(), "error"),
        (diagnostics.warnings(), "warning"),
    ];
    let found = counts.iter().filter(|(count, _)| *count > 0);
    let found: Vec<_> = found.map(|(count, what)| plural(*count, what)).collect();
    format!("the policy has {}", found.join(" and "))
}
