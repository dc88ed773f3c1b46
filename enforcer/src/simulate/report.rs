//! What a simulation over captures found: the interface that scripts read,
//! described in `docs/simulate.schema.json`. New fields may be added; none
//! changes its meaning without a new `version`. Plain data.

use serde::Serialize;

/// Version of this form.
pub const VERSION: u32 = 1;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    pub version: u32,
    pub policy: Policy,
    /// `model`, `kernel` or both; the first one's verdicts are counted.
    pub engines: Vec<&'static str>,
    pub files: Vec<File>,
    pub frames: Frames,
    /// Frames by fate; all four, in this order.
    pub fates: Vec<OfFate>,
    /// Frames by reason and fate, the most frequent first.
    pub reasons: Vec<OfReason>,
    /// Frames that each rule allowed; a frame between two devices counts for a rule
    /// of each. The most frequent first, rules that allowed none left out.
    pub rules: Vec<OfRule>,
    /// Frames in which each signature was found, the most frequent first, those that
    /// were not found left out.
    pub signatures: Vec<OfSignature>,
    /// Frames by the device that the verdict is about, the most frequent first.
    pub devices: Vec<OfDevice>,
    /// Whether the engines found the same; `None` where there was but one.
    pub agreement: Option<Agreement>,
    /// Frames that were not judged, and why.
    pub skipped: Vec<Skipped>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// SHA-256, hexadecimal.
    pub hash: String,
    pub devices: usize,
    pub profiles: usize,
    pub rules: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct File {
    pub file: String,
    /// `pcap` or `pcapng`; `None` where it is neither.
    pub format: Option<&'static str>,
    /// Frames read, judged or not.
    pub frames: u64,
    /// Why it was not read to its end.
    pub error: Option<FileError>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileError {
    /// The frame that could not be read, from 1; `None` where it is no frame.
    pub frame: Option<u64>,
    /// Where it begins, in the unpacked file.
    pub byte: u64,
    pub message: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Frames {
    pub read: u64,
    pub judged: u64,
    pub skipped: u64,
    /// Judged as they are, though the capture holds their beginning alone.
    pub cut_short: u64,
    /// Of a time before that of an earlier frame: judged at the time of that one.
    pub out_of_order: u64,
    /// Without a time that can be: judged at the time of the frame before.
    pub without_time: u64,
    /// RFC 3339, UTC; `None` where no frame has a time.
    pub first: Option<String>,
    /// The latest, as above.
    pub last: Option<String>,
    /// Until when sessions that were already running were adopted, as above.
    pub adopting_until: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OfFate {
    /// `allow`, `audit`, `deny` or `fail-open`.
    pub fate: &'static str,
    pub frames: u64,
    pub bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OfReason {
    pub reason: &'static str,
    pub fate: &'static str,
    pub frames: u64,
    pub bytes: u64,
    pub explanation: &'static str,
    /// The first frames of this reason and fate.
    pub first: Vec<Example>,
}

/// One frame, for people to look up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    pub file: String,
    /// Number in the file, from 1, as Wireshark counts.
    pub frame: u64,
    /// RFC 3339, UTC; `None` where the capture does not tell.
    pub time: Option<String>,
    /// Side that it was taken to come in by: `device` or `core`.
    pub side: &'static str,
    /// Addresses, protocol and length in one line.
    pub summary: String,
    pub device: Option<String>,
    /// `profile/rule` that allowed it.
    pub rule: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OfRule {
    /// `profile/rule`.
    pub rule: String,
    pub frames: u64,
    pub bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OfSignature {
    pub signature: String,
    pub id: u32,
    pub frames: u64,
    pub bytes: u64,
    /// The first frames in which it was found.
    pub first: Vec<Example>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OfDevice {
    /// `None` for frames that no declared device answers for.
    pub device: Option<String>,
    pub profile: Option<String>,
    pub frames: u64,
    pub bytes: u64,
    pub allow: u64,
    pub audit: u64,
    pub deny: u64,
    pub fail_open: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Agreement {
    /// Frames that both engines judged.
    pub compared: u64,
    pub differing: u64,
    /// The first that they judged differently.
    pub first: Vec<Difference>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub file: String,
    pub frame: u64,
    pub summary: String,
    /// One for each engine, in the order of `engines`.
    pub found: Vec<Found>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    pub engine: &'static str,
    pub fate: &'static str,
    pub reason: &'static str,
    pub rule: Option<String>,
    pub device: Option<String>,
    /// All that the engine found, where the fields above are the same.
    pub details: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    pub file: String,
    /// As the capture names it; empty where it does not.
    pub interface: String,
    pub why: String,
    pub frames: u64,
}
