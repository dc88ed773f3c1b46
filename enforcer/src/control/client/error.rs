//! Why a request to the daemon failed, in words that say what to do.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use nix::unistd::{Gid, Group};

use super::is_absent;
use crate::control::api::Failure;

#[derive(Debug)]
pub enum Error {
    /// Nobody listens on the socket.
    Unreachable { socket: PathBuf, error: io::Error },
    /// The socket may not be opened; the group that may, where it is known.
    Denied {
        socket: PathBuf,
        group: Option<String>,
    },
    /// The daemon says that this is not permitted.
    Forbidden(Failure),
    /// The daemon refused, and said why.
    Refused { status: u16, failure: Failure },
    /// The daemon went away before it had answered.
    Died,
    /// The answer is not what this client understands.
    NotUnderstood { reason: String, answer: String },
    /// The request could not be made.
    Request(String),
}

impl Error {
    pub(super) fn connecting(socket: &Path, error: io::Error) -> Self {
        let socket = socket.to_owned();
        match error.kind() {
            io::ErrorKind::PermissionDenied => Self::Denied {
                group: group_of(&socket),
                socket,
            },
            _ => Self::Unreachable { socket, error },
        }
    }

    pub(super) fn receiving(error: &hyper::Error) -> Self {
        if error.is_parse() {
            let reason = error.to_string();
            return Self::NotUnderstood {
                reason,
                answer: String::new(),
            };
        }
        Self::Died
    }

    /// The failure as the daemon told it, or as it would have.
    pub fn failure(&self) -> Failure {
        match self {
            Self::Forbidden(failure) | Self::Refused { failure, .. } => failure.clone(),
            other => Failure {
                error: other.to_string(),
                diagnostics: None,
                unfit: false,
            },
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { socket, error } => unreachable_text(socket, error, f),
            Self::Denied { socket, group: Some(group) } => write!(
                f,
                "not permitted to open {}: run as root or as a member of the group `{group}`",
                socket.display()
            ),
            Self::Denied { socket, group: None } => {
                write!(f, "not permitted to open {}: run as root", socket.display())
            }
            Self::Forbidden(failure) | Self::Refused { failure, .. } => f.write_str(&failure.error),
            Self::Died => f.write_str(
                "the daemon went away before it had answered; see its log, then `enforcerctl status`",
            ),
            Self::NotUnderstood { reason, answer } => {
                write!(f, "the answer is not one of enforcerd's ({reason})")?;
                if !answer.is_empty() {
                    write!(f, ": {answer}")?;
                }
                f.write_str("; are enforcerctl and enforcerd of one version, and is this its socket?")
            }
            Self::Request(error) => write!(f, "the request cannot be made: {error}"),
        }
    }
}

impl std::error::Error for Error {}

fn unreachable_text(socket: &Path, error: &io::Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let socket = socket.display();
    if error.kind() == io::ErrorKind::NotFound {
        write!(
            f,
            "there is no socket {socket}: is enforcerd running? Another socket is named with --socket"
        )
    } else if is_absent(error) {
        write!(f, "nobody listens on {socket}: is enforcerd running?")
    } else {
        write!(f, "cannot connect to {socket}: {error}")
    }
}

/// The group that may open the socket, or the folder it lies in where that is closed.
fn group_of(socket: &Path) -> Option<String> {
    let folder = socket.parent().unwrap_or(socket);
    let about = fs::metadata(socket)
        .or_else(|_| fs::metadata(folder))
        .ok()?;
    let group = Group::from_gid(Gid::from_raw(about.gid())).ok()??;
    Some(group.name)
}
