//! Ports: telling the program about them, and attaching it so that neither the
//! daemon's death nor its restart changes anything for the traffic.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use aya::maps::{HashMap, MapData};
use aya::programs::links::{FdLink, PinnedLink};
use aya::programs::{ProgramError, XdpMode};
use enforcer_common::port::Port;

use super::Datapath;

/// What attaching a port came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attached {
    /// The port had no program of ours.
    New,
    /// The program on the port was replaced without a gap.
    Replaced,
}

impl Datapath {
    /// Tells the program about the port with this interface index.
    ///
    /// # Errors
    /// When the map cannot be written.
    pub fn declare_port(&mut self, interface: u32, port: &Port) -> Result<()> {
        let map = self
            .ebpf
            .map_mut("PORTS")
            .context("the object holds no map PORTS")?;
        let mut map: HashMap<_, u32, Port> = map.try_into()?;
        map.insert(interface, port, 0)
            .context("cannot declare a port")?;
        self.memory.touch();
        Ok(())
    }

    /// Interface indices of the ports that the program was told about.
    pub(super) fn interfaces(&self) -> Result<Vec<u32>> {
        let map = self
            .ebpf
            .map("PORTS")
            .context("the object holds no map PORTS")?;
        let map: HashMap<&MapData, u32, Port> = map.try_into()?;
        Ok(map.keys().filter_map(Result::ok).collect())
    }

    /// Forgets ports whose interface index is not among these.
    ///
    /// # Errors
    /// When the map cannot be read or written.
    pub fn retain_ports(&mut self, interfaces: &[u32]) -> Result<()> {
        let map = self
            .ebpf
            .map_mut("PORTS")
            .context("the object holds no map PORTS")?;
        let mut map: HashMap<_, u32, Port> = map.try_into()?;
        let known: Vec<u32> = map.keys().filter_map(Result::ok).collect();
        for interface in known
            .iter()
            .filter(|interface| !interfaces.contains(interface))
        {
            map.remove(interface)?;
        }
        self.memory.touch();
        Ok(())
    }

    /// Attaches the program to a port in native mode and pins the link as
    /// `link-INDEX-NAME`. A link found there or in `previous` is switched to this
    /// program instead, so that no frame passes unjudged in between.
    ///
    /// # Errors
    /// When the interface is gone, its driver has no native XDP, or another
    /// program holds it.
    pub fn attach(&mut self, name: &str, interface: u32, previous: &[PathBuf]) -> Result<Attached> {
        let directory = self
            .directory
            .clone()
            .context("links of an unpinned datapath cannot be kept")?;
        let pin = link_path(&directory, name, interface);
        let older = previous
            .iter()
            .map(|directory| link_path(directory, name, interface));
        for path in std::iter::once(pin.clone()).chain(older) {
            if path.exists() && self.take_over(&path, &pin)? {
                return Ok(Attached::Replaced);
            }
        }
        let program = self.program()?;
        let id = program.attach_to_if_index(interface, XdpMode::Driver).with_context(|| {
            format!("cannot attach to {name} in native mode: its driver lacks XDP, or another program holds it")
        })?;
        let link: FdLink = match program.take_link(id)?.try_into() {
            Ok(link) => link,
            Err(error) => {
                bail!("{name} took the program without a link that survives the daemon: {error}")
            }
        };
        link.pin(&pin)
            .with_context(|| format!("cannot pin the link of {name} at {}", pin.display()))?;
        Ok(Attached::New)
    }

    /// Switches a pinned link to this program and pins it at `to`; false when
    /// its interface is gone, and the pin with it.
    fn take_over(&mut self, from: &Path, to: &Path) -> Result<bool> {
        let link = PinnedLink::from_pin(from)
            .with_context(|| format!("cannot open the link at {}", from.display()))?;
        let program = self.program()?;
        let id = match program.attach_to_link(FdLink::from(link).try_into()?) {
            Ok(id) => id,
            Err(error) if is_gone(&error) => {
                unpin(from)?;
                return Ok(false);
            }
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("cannot switch the link at {}", from.display()));
            }
        };
        let link: FdLink = program
            .take_link(id)?
            .try_into()
            .context("a pinned link has no descriptor")?;
        if from != to {
            link.pin(to)
                .with_context(|| format!("cannot pin a link at {}", to.display()))?;
            unpin(from)?;
        }
        Ok(true)
    }

    /// Unpins links of a port whose interface has been replaced by another one.
    ///
    /// # Errors
    /// When a pin cannot be removed.
    pub fn forget_replaced(&self, name: &str, interface: u32) -> Result<()> {
        self.unpin_links(|index, of| of == name && index != interface)
    }

    /// Unpins links whose interface is gone, which hold nothing any more. A port
    /// that was only renamed keeps its program.
    ///
    /// # Errors
    /// When a pin cannot be removed.
    pub fn forget_gone(&self, interfaces: &[u32]) -> Result<()> {
        self.unpin_links(|index, _| !interfaces.contains(&index))
    }

    fn unpin_links(&self, chosen: impl Fn(u32, &str) -> bool) -> Result<()> {
        let Some(directory) = &self.directory else {
            return Ok(());
        };
        for (path, interface, name) in pinned_links(directory)? {
            if chosen(interface, &name) {
                unpin(&path)?;
            }
        }
        Ok(())
    }
}

/// Whether a link could not be switched because its interface is gone.
fn is_gone(error: &ProgramError) -> bool {
    matches!(error, ProgramError::SyscallError(error) if error.io_error.raw_os_error() == Some(libc::ENOLINK))
}

/// The links pinned in a directory: path, interface index, port name.
///
/// # Errors
/// When the directory cannot be read.
pub fn pinned_links(directory: &Path) -> Result<Vec<(PathBuf, u32, String)>> {
    if !directory.exists() {
        // Detached, by another hand than the daemon's.
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(directory)
        .with_context(|| format!("cannot read {}", directory.display()))?;
    let links = entries.filter_map(Result::ok).filter_map(|entry| {
        let file_name = entry.file_name().into_string().ok()?;
        let (index, name) = file_name.strip_prefix("link-")?.split_once('-')?;
        Some((entry.path(), index.parse().ok()?, name.to_owned()))
    });
    Ok(links.collect())
}

fn link_path(directory: &Path, name: &str, interface: u32) -> PathBuf {
    directory.join(format!("link-{interface}-{name}"))
}

fn unpin(path: &Path) -> Result<()> {
    std::fs::remove_file(path).with_context(|| format!("cannot unpin {}", path.display()))
}
