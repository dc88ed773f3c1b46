//! Forwarding from port to port: which ports may be used so, the trial that shows whether
//! a port's device takes such frames, and the watch over what becomes of them.

use std::io;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use aya::maps::{Array, DevMap, HashMap, Map, PerCpuArray};
use aya::programs::links::FdLink;
use aya::programs::{RawTracePoint, TestRun as _, TestRunAttrs, TestRunOptions, Xdp};
use enforcer_common::addr::Mac;
use enforcer_common::counter::Trial;
use enforcer_common::forward::{Exit, VOUCHED_UNTIL};

use super::Datapath;

/// The program that sends a trial's frames.
const TRY: &str = "try_port";
/// Programs that watch, and the tracepoints that they watch.
const WATCHES: [(&str, &str); 2] = [
    ("watch_sent", "xdp_devmap_xmit"),
    ("watch_refused", "xdp_redirect_err"),
];
/// Frames of a trial: fewer than a device is given at a time.
const FRAMES: u32 = 4;
/// Shortest frame that Ethernet carries, without its checksum.
const FRAME_LENGTH: usize = 60;
/// IEEE 802, table 8-2: for experiments within one's own network.
const EXPERIMENTAL: [u8; 2] = [0x88, 0xb5];
/// A locally administered address; bridges pass frames to it on, and nobody takes them.
const NOBODY: Mac = Mac(*b"\x0eenfor");

/// What a trial came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// The device takes frames.
    Takes,
    /// It refuses them, by this error number.
    Refuses(i32),
    /// It took some, or none and said nothing.
    Loses,
}

impl Datapath {
    /// Has the kernel tell what becomes of frames from port to port, for as long as the
    /// program is attached; on a later call anew, by this version's programs.
    ///
    /// # Errors
    /// When the kernel does not let it, as without CAP_PERFMON.
    pub fn watch_redirects(&mut self) -> Result<()> {
        let Some(Map::DevMap(devices)) = self.ebpf.map("DEVICES") else {
            bail!("the object holds no map DEVICES");
        };
        let number = devices.info()?.id();
        self.try_with(0, number)?;
        let directory = self.directory.clone();
        for (name, tracepoint) in WATCHES {
            let program: &mut RawTracePoint = self
                .ebpf
                .program_mut(name)
                .with_context(|| format!("the object holds no program {name}"))?
                .try_into()?;
            if program.fd().is_err() {
                program.load()?;
            }
            let Some(directory) = &directory else {
                program.attach(tracepoint)?;
                continue;
            };
            let pin = directory.join(format!("watch-{tracepoint}"));
            if pin.exists() {
                std::fs::remove_file(&pin)
                    .with_context(|| format!("cannot unpin {}", pin.display()))?;
            }
            let id = program.attach(tracepoint)?;
            let link: FdLink = program.take_link(id)?.into();
            pin_link(link, &pin)?;
        }
        Ok(())
    }

    /// Says which device is at a port's place.
    ///
    /// # Errors
    /// When the kernel does not take it.
    pub fn place_device(&mut self, place: u32, interface: u32) -> Result<()> {
        let map = self
            .ebpf
            .map_mut("DEVICES")
            .context("the object holds no map DEVICES")?;
        DevMap::try_from(map)?
            .set(place, interface, None, 0)
            .context("cannot note a port's device")
    }

    /// Sends a few frames to a port's device, as forwarding would: of an EtherType for
    /// experiments, from the bridge's address to one that nobody has.
    ///
    /// # Errors
    /// When the trial cannot be made.
    pub fn try_port(&mut self, place: u32, bridge: Mac) -> Result<Tried> {
        self.try_with(1, place)?;
        self.forget_trial()?;
        self.forget_device(place)?;
        let mut frame = [NOBODY.0.as_slice(), &bridge.0, &EXPERIMENTAL].concat();
        frame.resize(FRAME_LENGTH, 0);
        let mut options = TestRunOptions::new();
        options.data_in = Some(&frame);
        options.repeat = FRAMES;
        options.attrs = TestRunAttrs::new().xdp_live_frames(0);
        let program: &mut Xdp = self
            .ebpf
            .program_mut(TRY)
            .context("the object holds no program for trials")?
            .try_into()?;
        if program.fd().is_err() {
            program.load().context("the kernel refused the trial")?;
        }
        let run = program.test_run(options);
        let trial = self.trial();
        self.forget_trial()?;
        run.context("the kernel did not run the trial")?;
        Ok(judge(trial?))
    }

    /// What may be done with a port now; user space and the watch write it.
    ///
    /// # Errors
    /// When the map cannot be read.
    pub fn exit(&self, place: u32) -> Result<Exit> {
        let map = self
            .ebpf
            .map("EXITS")
            .context("the object holds no map EXITS")?;
        Ok(Exit(Array::<_, u64>::try_from(map)?.get(&place, 0)?))
    }

    /// Says what may be done with a port from the next frame on.
    ///
    /// # Errors
    /// When the map cannot be written.
    pub fn set_exit(&mut self, place: u32, exit: Exit) -> Result<()> {
        self.set_exit_word(place, exit.0)?;
        self.memory.touch();
        Ok(())
    }

    /// Lets what is said of the ports hold until a second of the monotonic clock.
    ///
    /// # Errors
    /// When the map cannot be written.
    pub fn vouch_until(&mut self, second: u32) -> Result<()> {
        self.set_exit_word(VOUCHED_UNTIL, second.into())
    }

    fn set_exit_word(&mut self, place: u32, word: u64) -> Result<()> {
        let map = self
            .ebpf
            .map_mut("EXITS")
            .context("the object holds no map EXITS")?;
        Array::<_, u64>::try_from(map)?
            .set(place, word, 0)
            .context("cannot say what may be done with a port")
    }

    /// Leaves frames of these addresses to the bridge, and those of others no longer.
    /// Returns whether that changed anything.
    ///
    /// # Errors
    /// When the map cannot be written: there are too many.
    pub fn reserve_addresses(&mut self, macs: &[Mac]) -> Result<bool> {
        let map = self
            .ebpf
            .map_mut("RESERVED")
            .context("the object holds no map RESERVED")?;
        let mut map: HashMap<_, [u8; 6], u8> = map.try_into()?;
        let known: Vec<[u8; 6]> = map.keys().filter_map(Result::ok).collect();
        let mut changed = false;
        for mac in known.iter().filter(|mac| !macs.contains(&Mac(**mac))) {
            map.remove(mac)?;
            changed = true;
        }
        for mac in macs.iter().filter(|mac| !known.contains(&mac.0)) {
            map.insert(mac.0, 1, 0)
                .context("too many addresses of the host itself")?;
            changed = true;
        }
        if changed {
            self.memory.touch();
        }
        Ok(changed)
    }

    /// Forgets where the kernel kept a port's device; a trial finds out anew.
    fn forget_device(&mut self, place: u32) -> Result<()> {
        let map = self
            .ebpf
            .map_mut("KNOWN_DEVICES")
            .context("the object holds no map KNOWN_DEVICES")?;
        let mut map: HashMap<_, u64, u32> = map.try_into()?;
        let known: Vec<(u64, u32)> = map.iter().filter_map(Result::ok).collect();
        for (device, _) in known.iter().filter(|(_, of)| *of == place) {
            map.remove(device)?;
        }
        Ok(())
    }

    /// Writes what a trial is made with.
    fn try_with(&mut self, index: u32, value: u32) -> Result<()> {
        let map = self
            .ebpf
            .map_mut("TRIED")
            .context("the object holds no map TRIED")?;
        Ok(Array::<_, u32>::try_from(map)?.set(index, value, 0)?)
    }

    fn trial(&self) -> Result<Vec<Trial>> {
        let map = self
            .ebpf
            .map("TRIALS")
            .context("the object holds no map TRIALS")?;
        let map: PerCpuArray<_, Trial> = map.try_into()?;
        Ok(map.get(&0, 0)?.to_vec())
    }

    fn forget_trial(&mut self) -> Result<()> {
        let map = self
            .ebpf
            .map_mut("TRIALS")
            .context("the object holds no map TRIALS")?;
        let mut map: PerCpuArray<_, Trial> = map.try_into()?;
        let cpus = aya::util::nr_cpus().map_err(|(_, error)| error)?;
        Ok(map.set(0, vec![Trial::default(); cpus].try_into()?, 0)?)
    }
}

fn judge(trials: Vec<Trial>) -> Tried {
    let sent: u32 = trials.iter().map(|trial| trial.sent).sum();
    let error = trials
        .iter()
        .map(|trial| trial.error)
        .find(|&error| error != 0);
    match error {
        Some(error) => Tried::Refuses(-error),
        None if sent == FRAMES => Tried::Takes,
        None => Tried::Loses,
    }
}

fn pin_link(link: FdLink, pin: &Path) -> Result<()> {
    link.pin(pin)
        .map(drop)
        .with_context(|| format!("cannot pin a watch at {}", pin.display()))
}

/// Why a device refuses frames, for people.
pub fn refusal(error: i32) -> String {
    match error {
        // The first until Linux 6.2, the other since.
        libc::ENXIO | libc::EOPNOTSUPP => {
            "its driver cannot send any, or, on a virtual link, the other end takes none: it has neither GRO nor an \
             XDP program on"
                .to_owned()
        }
        libc::ENETDOWN => "it is down".to_owned(),
        _ => io::Error::from_raw_os_error(error).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use enforcer_common::counter::Trial;

    use super::{FRAMES, Tried, judge};

    fn trial(sent: u32, dropped: u32, error: i32) -> Trial {
        Trial {
            began: 0,
            port: 0,
            sent,
            dropped,
            error,
        }
    }

    #[test]
    fn a_device_takes_all_or_is_not_used() {
        let other_cpu = Trial::default();
        assert_eq!(judge(vec![other_cpu, trial(FRAMES, 0, 0)]), Tried::Takes);
        assert_eq!(judge(vec![trial(FRAMES - 1, 1, 0)]), Tried::Loses);
        assert_eq!(judge(vec![other_cpu]), Tried::Loses);
        assert_eq!(
            judge(vec![trial(0, FRAMES, -libc::ENXIO)]),
            Tried::Refuses(libc::ENXIO)
        );
    }
}
