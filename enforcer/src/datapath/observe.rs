//! What the program decided last on a CPU, read back from its scratch, and its
//! events. Decisions are read by the tests of the program, events by the daemon too.

use std::mem::{offset_of, size_of};

use anyhow::{Context as _, Result};
use aya::Pod;
use aya::maps::{MapData, PerCpuArray, RingBuf};
use enforcer_common::decide::identify::Party;
use enforcer_common::decide::{Finding, Inspection, Work};
use enforcer_common::flow::FlowKey;
use enforcer_common::packet::Packet;
use enforcer_common::verdict::{Mode, Reason, Tolerance, Verdict};

use super::Datapath;

/// The part of [`Work`] that both hosts must agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observed {
    pub verdict: Verdict,
    pub packet: Packet,
    pub key: FlowKey,
    /// What was found for each end, source first.
    pub findings: [Finding; 2],
    /// Numbers of the devices at each end, 0 where none was looked up or declared.
    pub devices: [u32; 2],
    /// Whether the frame is shown to user space, to learn from.
    pub teaches: bool,
    pub epoch: u32,
    /// Number of the signature that was found, 0 for none.
    pub signature: u32,
}

impl From<&Work> for Observed {
    fn from(work: &Work) -> Self {
        Self {
            verdict: work.verdict,
            packet: work.packet,
            key: work.key,
            findings: work.findings,
            devices: work.parties.map(|party| party.number),
            teaches: work.teaches != 0,
            epoch: work.epoch,
            signature: work.inspection.signature,
        }
    }
}

/// [`Work`] as the kernel hands it over: its enums are not to be trusted as such.
#[repr(transparent)]
#[derive(Clone, Copy)]
struct RawWork([u8; size_of::<Work>()]);

// SAFETY: an array of bytes.
unsafe impl Pod for RawWork {}

impl Datapath {
    /// What the program decided last on this CPU.
    ///
    /// # Errors
    /// When the map cannot be read, or holds no decision of this version.
    pub fn last_decision(&self, cpu: usize) -> Result<Observed> {
        let map = self
            .ebpf
            .map("WORK")
            .context("the object holds no map WORK")?;
        let map: PerCpuArray<&MapData, RawWork> = map.try_into()?;
        let values = map.get(&0, 0)?;
        decode(values.get(cpu).context("there is no such CPU")?)
    }

    /// The ring buffer of events, for the one reader that it can have.
    ///
    /// # Errors
    /// When it was taken before.
    pub fn take_events(&mut self) -> Result<RingBuf<MapData>> {
        let map = self.ebpf.take_map("EVENTS");
        Ok(RingBuf::try_from(
            map.context("the events have a reader already")?,
        )?)
    }
}

fn decode(raw: &RawWork) -> Result<Observed> {
    const FINDINGS: usize = offset_of!(Work, findings);
    const PARTIES: usize = offset_of!(Work, parties);
    let verdict = offset_of!(Work, verdict);
    Ok(Observed {
        verdict: Verdict {
            reason: reason(raw, verdict + offset_of!(Verdict, reason))?,
            mode: mode(raw.0[verdict + offset_of!(Verdict, mode)])?,
            tolerance: Tolerance(raw.0[verdict + offset_of!(Verdict, tolerance)]),
            reserved: 0,
            rule: number(raw, verdict + offset_of!(Verdict, rule)),
            device: word(raw, verdict + offset_of!(Verdict, device)),
        },
        packet: plain(raw, offset_of!(Work, packet)),
        key: plain(raw, offset_of!(Work, key)),
        findings: [
            finding(raw, FINDINGS)?,
            finding(raw, FINDINGS + size_of::<Finding>())?,
        ],
        devices: [
            word(raw, PARTIES + offset_of!(Party, number)),
            word(
                raw,
                PARTIES + size_of::<Party>() + offset_of!(Party, number),
            ),
        ],
        teaches: word(raw, offset_of!(Work, teaches)) != 0,
        epoch: word(raw, offset_of!(Work, epoch)),
        signature: word(
            raw,
            offset_of!(Work, inspection) + offset_of!(Inspection, signature),
        ),
    })
}

fn finding(raw: &RawWork, offset: usize) -> Result<Finding> {
    Ok(Finding {
        rule: number(raw, offset + offset_of!(Finding, rule)),
        reason: reason(raw, offset + offset_of!(Finding, reason))?,
        limited: raw.0[offset + offset_of!(Finding, limited)] != 0,
    })
}

fn reason(raw: &RawWork, offset: usize) -> Result<Reason> {
    let number = raw.0[offset];
    Reason::from_number(number).with_context(|| format!("there is no reason {number}"))
}

fn mode(number: u8) -> Result<Mode> {
    let known = [Mode::Audit, Mode::Enforce]
        .into_iter()
        .find(|mode| *mode as u8 == number);
    known.with_context(|| format!("there is no mode {number}"))
}

fn number(raw: &RawWork, offset: usize) -> u16 {
    plain(raw, offset)
}

fn word(raw: &RawWork, offset: usize) -> u32 {
    plain(raw, offset)
}

/// A value that any bytes are valid for.
trait Plain: Copy {}
impl Plain for u16 {}
impl Plain for u32 {}
impl Plain for Packet {}
impl Plain for FlowKey {}

fn plain<V: Plain>(raw: &RawWork, offset: usize) -> V {
    let bytes = &raw.0[offset..offset + size_of::<V>()];
    // SAFETY: the slice is as long as the value, and `Plain` types consist of
    // integers alone, for which any bytes are valid.
    unsafe { bytes.as_ptr().cast::<V>().read_unaligned() }
}
