//! Capture files, read as a stream: pcap and pcapng, plain or gzip. Gives the
//! frames in order of the file, each with its number, time and interface, and
//! tells exactly where a file is cut off or lies. Judges nothing.

mod link;
mod pcap;
mod pcapng;
mod source;

use std::fmt;
use std::path::Path;

use pcap::Pcap;
use pcapng::PcapNg;
pub use source::Progress;
use source::{Source, grouped};

/// The largest frame that is believed, in bytes: what capturing tools cut at.
pub const LARGEST: u32 = 262_144;

/// A capture file that is being read.
#[derive(Debug)]
pub struct Capture {
    format: Format,
    source: Source,
    frames: u64,
    /// The frame that was read last.
    bytes: Vec<u8>,
}

#[derive(Debug)]
enum Format {
    Pcap(Pcap),
    PcapNg(PcapNg),
}

/// One frame of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'c> {
    /// From 1, as Wireshark counts.
    pub number: u64,
    /// Nanoseconds since 1970, UTC; `None` where the file does not tell, or tells
    /// a time that cannot be.
    pub time: Option<u64>,
    pub interface: &'c Interface,
    pub bytes: &'c [u8],
    /// Length of the frame before it was cut for the capture, in bytes.
    pub length: u32,
}

impl<'c> Frame<'c> {
    /// The Ethernet frame in it; `None` where the link carries none.
    pub fn ethernet(&self) -> Option<&'c [u8]> {
        link::ethernet(self.interface.link, self.bytes)
    }

    /// Whether the capture holds the beginning of the frame alone.
    pub fn is_cut_short(&self) -> bool {
        self.length as usize > self.bytes.len()
    }
}

/// Where frames were captured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// As the capture names it; empty where it does not.
    pub name: String,
    /// LINKTYPE number.
    pub link: u16,
}

impl Interface {
    /// `LINKTYPE_LINUX_SLL (113)`.
    pub fn link_name(&self) -> String {
        link::name(self.link)
    }

    /// Whether its frames are or hold Ethernet frames.
    pub fn carries_ethernet(&self) -> bool {
        link::carries_ethernet(self.link)
    }
}

/// What one read of a record came to.
#[derive(Clone, Copy, Debug)]
struct Record {
    time: Option<u64>,
    length: u32,
    /// Place among the format's interfaces.
    interface: usize,
}

/// Where and how a file is not what a capture should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The frame that could not be read, from 1; `None` where it is no frame.
    pub frame: Option<u64>,
    /// Where that frame or block begins, in the unpacked file.
    pub byte: u64,
    pub message: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.frame {
            Some(frame) => write!(f, "frame {frame} at byte {}: {}", self.byte, self.message),
            None => write!(f, "byte {}: {}", self.byte, self.message),
        }
    }
}

impl std::error::Error for Damage {}

impl Capture {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// When it cannot be opened or is no capture.
    pub fn open(path: &Path) -> Result<Self, Damage> {
        let mut source = Source::open(path)?;
        let format = match source.magic()? {
            magic if pcapng::begins(magic) => Format::PcapNg(PcapNg::default()),
            magic => Format::Pcap(Pcap::open(magic, &mut source)?),
        };
        Ok(Self {
            format,
            source,
            frames: 0,
            bytes: Vec::new(),
        })
    }

    /// `pcap` or `pcapng`.
    pub fn format(&self) -> &'static str {
        match self.format {
            Format::Pcap(_) => "pcap",
            Format::PcapNg(_) => "pcapng",
        }
    }

    /// How far the file on disk was read.
    pub fn progress(&self) -> Progress {
        self.source.progress()
    }

    /// The next frame; `None` at the end of the file. After an error there is
    /// nothing more to be had.
    ///
    /// # Errors
    /// When the file is cut off, or says what cannot be.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, Damage> {
        let number = self.frames + 1;
        let (source, bytes) = (&mut self.source, &mut self.bytes);
        let record = match &mut self.format {
            Format::Pcap(pcap) => pcap.next(source, bytes, number)?,
            Format::PcapNg(pcapng) => pcapng.next(source, bytes, number)?,
        };
        let Some(record) = record else {
            return Ok(None);
        };
        self.frames = number;
        let interface = match &self.format {
            Format::Pcap(pcap) => pcap.interface(),
            Format::PcapNg(pcapng) => pcapng.interface(record.interface),
        };
        Ok(Some(Frame {
            number,
            time: record.time,
            interface,
            bytes: &self.bytes,
            length: record.length,
        }))
    }
}

/// Refuses lengths that no capture holds, before memory is set aside for them.
fn check_lengths(captured: u32, length: u32) -> Result<(), String> {
    if captured > LARGEST {
        return Err(format!(
            "it claims {} bytes, and no captured frame has more than {}: the length is wrong, or \
             what comes before it",
            grouped(captured.into()),
            grouped(LARGEST.into())
        ));
    }
    if captured > length {
        return Err(format!(
            "it claims that {captured} of {length} bytes were captured: more than there were"
        ));
    }
    Ok(())
}
