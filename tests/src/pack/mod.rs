//! The shipped signatures and what is said to try them: for each the messages that it is
//! for, and its neighbours, messages that differ in one field that decides. The modules
//! compose them, by theme; none of them judges anything.

mod accounts;
mod industrial;
mod log4shell;
mod medical;
mod rdp;
mod rpc;
mod smb;

use std::{fs, path::Path};

use anyhow::{Context, Result};

const PACK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies/signatures");

/// Who says something, to or from a port of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// What the end that began the connection says.
    Asked(u16),
    /// What the server answers.
    Answered(u16),
    /// A datagram to the server.
    Datagram(u16),
}

/// What a signature finds, and what no signature does.
#[derive(Debug)]
pub struct Row {
    pub name: &'static str,
    pub said: Said,
    pub found: Vec<Vec<u8>>,
    pub neighbours: Vec<Vec<u8>>,
}

/// One file of the pack.
#[derive(Clone, Debug)]
pub struct PackFile {
    pub name: String,
    pub text: String,
}

impl Said {
    /// The server's port.
    pub fn port(self) -> u16 {
        match self {
            Self::Asked(port) | Self::Answered(port) | Self::Datagram(port) => port,
        }
    }
}

impl Row {
    fn new(
        name: &'static str,
        said: Said,
        found: impl IntoIterator<Item = Vec<u8>>,
        neighbours: impl IntoIterator<Item = Vec<u8>>,
    ) -> Self {
        Self {
            name,
            said,
            found: found.into_iter().collect(),
            neighbours: neighbours.into_iter().collect(),
        }
    }
}

/// Every signature of the pack has one at least.
pub fn rows() -> Vec<Row> {
    let themes = [
        smb::rows(),
        rdp::rows(),
        log4shell::rows(),
        rpc::rows(),
        accounts::rows(),
        industrial::rows(),
        medical::rows(),
    ];
    themes.into_iter().flatten().collect()
}

/// The pack as it is shipped, by name.
pub fn files() -> Result<Vec<PackFile>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(PACK).with_context(|| format!("list {PACK}"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|of| of == "yaml") {
            files.push(read(&path)?);
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// The pack with signatures that drop where those that are shipped only tell.
pub fn dropping() -> Result<Vec<PackFile>> {
    let mut files = files()?;
    for file in &mut files {
        file.text = file.text.replace("action: alert", "action: drop");
    }
    Ok(files)
}

fn read(path: &Path) -> Result<PackFile> {
    let name = path.file_name().and_then(|name| name.to_str());
    Ok(PackFile {
        name: name.context("a file name that is not UTF-8")?.to_owned(),
        text: fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?,
    })
}

/// A message, but for one byte.
fn but(message: &[u8], place: usize, byte: u8) -> Vec<u8> {
    let mut message = message.to_vec();
    message[place] = byte;
    message
}

/// Bytes one behind the other.
fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}
