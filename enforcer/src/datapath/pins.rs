//! Generations of pins. Maps and links of one program layout live in one
//! directory, `gen-N`; maps of another shape are never taken over, but a new
//! generation is built beside them and the links are switched to it.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use aya::maps::MapData;
use enforcer_common::table::LAYOUT_VERSION;
use nix::fcntl::{Flock, FlockArg};

use super::Capacity;
use super::install::pinned_policy;
use super::object::{PINNED_MAPS, Shape, shapes};

/// Where to load the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The generation to use.
    pub directory: PathBuf,
    /// The generation that is attached now and must give way, and why.
    pub replaces: Option<(PathBuf, String)>,
}

/// Looks at what is pinned below `root` and decides which generation to use.
/// Makes its directory, and changes nothing else.
///
/// # Errors
/// When `root` cannot be read or written.
pub fn plan(root: &Path, capacity: Capacity) -> Result<Plan> {
    std::fs::create_dir_all(root).with_context(|| format!("cannot make {}", root.display()))?;
    let latest = generations(root)?.pop();
    let (number, replaces) = match latest {
        None => (1, None),
        Some((number, directory)) => match mismatch(&directory, capacity)? {
            None => (number, None),
            Some(why) => (number + 1, Some((directory, why))),
        },
    };
    let directory = root.join(format!("gen-{number}"));
    std::fs::create_dir_all(&directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    Ok(Plan {
        directory,
        replaces,
    })
}

/// Holds the pins for this process alone, until it is dropped.
///
/// # Errors
/// When another process holds them.
pub fn lock(root: &Path) -> Result<Flock<File>> {
    std::fs::create_dir_all(root).with_context(|| format!("cannot make {}", root.display()))?;
    let directory = File::open(root).with_context(|| format!("cannot open {}", root.display()))?;
    Flock::lock(directory, FlockArg::LockExclusiveNonblock)
        .map_err(|_| anyhow::anyhow!("another enforcerd uses the pins in {}", root.display()))
}

/// Every generation but one, newest first.
///
/// # Errors
/// When `root` cannot be read.
pub fn others(root: &Path, but: &Path) -> Result<Vec<PathBuf>> {
    let found = generations(root)?.into_iter().rev();
    Ok(found
        .map(|(_, directory)| directory)
        .filter(|directory| directory != but)
        .collect())
}

/// Removes every generation but one, with its pins.
///
/// # Errors
/// When a pin cannot be removed.
pub fn remove_others(root: &Path, keep: &Path) -> Result<()> {
    for (_, directory) in generations(root)? {
        if directory != keep {
            remove(&directory)?;
        }
    }
    Ok(())
}

/// Removes a generation with its pins: its program detaches, its maps vanish.
///
/// # Errors
/// When a pin cannot be removed.
pub fn remove(directory: &Path) -> Result<()> {
    let entries = std::fs::read_dir(directory)
        .with_context(|| format!("cannot read {}", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        std::fs::remove_file(&path).with_context(|| format!("cannot unpin {}", path.display()))?;
    }
    std::fs::remove_dir(directory).with_context(|| format!("cannot remove {}", directory.display()))
}

/// Generations below `root`, oldest first.
///
/// # Errors
/// When `root` cannot be read.
pub fn generations(root: &Path) -> Result<Vec<(u32, PathBuf)>> {
    let entries =
        std::fs::read_dir(root).with_context(|| format!("cannot read {}", root.display()))?;
    let mut found: Vec<(u32, PathBuf)> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let number = entry
                .file_name()
                .to_str()?
                .strip_prefix("gen-")?
                .parse()
                .ok()?;
            Some((number, entry.path()))
        })
        .collect();
    found.sort();
    Ok(found)
}

/// Why the maps pinned in a directory cannot be taken over; `None` when they can.
/// A map that is missing is made anew, which no state can hang on; but flows are not found
/// by another seed than theirs.
fn mismatch(directory: &Path, capacity: Capacity) -> Result<Option<String>> {
    let shapes = shapes(capacity)?;
    for name in PINNED_MAPS {
        let path = directory.join(name);
        if !path.exists() {
            let other = match name {
                "FLOWS" => "FLOW_SEED",
                "FLOW_SEED" => "FLOWS",
                _ => continue,
            };
            if directory.join(other).exists() {
                return Ok(Some(format!("{name} is missing")));
            }
            continue;
        }
        let Some(expected) = shapes.get(name) else {
            continue;
        };
        let pinned = match MapData::from_pin(&path).and_then(|map| map.info()) {
            Ok(info) => Shape {
                kind: info.map_type().map_or(u32::MAX, |kind| kind as u32),
                key_size: info.key_size(),
                value_size: info.value_size(),
                max_entries: info.max_entries(),
            },
            Err(error) => {
                return Ok(Some(format!(
                    "{name} is not a map that can be opened: {error}"
                )));
            }
        };
        if pinned != *expected {
            return Ok(Some(format!(
                "map {name} is {pinned:?}, this version needs {expected:?}"
            )));
        }
    }
    Ok(layout_mismatch(directory))
}

/// A policy in force with another layout of lines cannot be read by this program.
fn layout_mismatch(directory: &Path) -> Option<String> {
    let version = pinned_policy(directory)?.layout;
    (version != LAYOUT_VERSION).then(|| {
        format!("the policy in force has layout {version}, this version needs {LAYOUT_VERSION}")
    })
}
