//! Who is at the other end of the control socket, by the kernel's word, and what
//! they may do.

use std::ffi::CString;

use anyhow::{Context as _, Result};
use nix::unistd::{Gid, Group, Uid, User, getgrouplist};
use tokio::net::UnixStream;

use crate::control::api::{Author, Failure};
use crate::daemon::config::ControlConfig;
use crate::daemon::engine::failure;

/// Who is at the other end of the control socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    uid: u32,
    gid: u32,
    pid: Option<i32>,
}

impl std::fmt::Display for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "uid {} gid {} pid {}",
            self.uid,
            self.gid,
            self.pid.unwrap_or_default()
        )
    }
}

impl Caller {
    pub(super) fn of(stream: &UnixStream) -> Self {
        match stream.peer_cred() {
            Ok(credentials) => Self {
                uid: credentials.uid(),
                gid: credentials.gid(),
                pid: credentials.pid(),
            },
            // Nobody: may not write.
            Err(_) => Self {
                uid: u32::MAX,
                gid: u32::MAX,
                pid: None,
            },
        }
    }

    /// As the history names them.
    pub(super) fn author(self) -> Author {
        let user = User::from_uid(Uid::from_raw(self.uid)).ok().flatten();
        Author {
            uid: Some(self.uid),
            gid: Some(self.gid),
            pid: self.pid,
            user: user.map_or_else(|| self.uid.to_string(), |user| user.name),
        }
    }
}

/// Writers are root, the daemon's own user, and members of the write group.
pub(super) fn may_write(caller: Caller, config: &ControlConfig) -> Result<(), Failure> {
    if caller.uid == 0 || caller.uid == Uid::effective().as_raw() {
        return Ok(());
    }
    let Some(name) = &config.write_group else {
        return Err(failure(
            "only root may apply policies; `control.write_group` names others who may",
        ));
    };
    let wanted = group(name).map_err(|error| failure(format!("{error:#}")))?;
    let member = caller.gid == wanted.as_raw() || groups_of(caller).contains(&wanted);
    if member {
        Ok(())
    } else {
        Err(failure(format!(
            "only members of group {name} may apply policies"
        )))
    }
}

fn groups_of(caller: Caller) -> Vec<Gid> {
    let Ok(Some(user)) = User::from_uid(Uid::from_raw(caller.uid)) else {
        return Vec::new();
    };
    let Ok(name) = CString::new(user.name) else {
        return Vec::new();
    };
    getgrouplist(&name, user.gid).unwrap_or_default()
}

pub(super) fn group(name: &str) -> Result<Gid> {
    let group = Group::from_name(name).with_context(|| format!("cannot look up group {name}"))?;
    Ok(group
        .with_context(|| format!("there is no group {name}"))?
        .gid)
}
