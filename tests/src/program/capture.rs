//! Frames out of capture files: pcap and pcapng, Ethernet alone.

use std::fs::File;
use std::path::{Path, PathBuf};

use pcap_file::DataLink;
use pcap_file::pcap::PcapReader;
use pcap_file::pcapng::{Block, PcapNgReader};

/// First bytes of a pcapng file: the type of its section header.
const PCAPNG: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// Capture files below a directory, in order of name.
pub fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        let Ok(entries) = std::fs::read_dir(&directory) else {
            continue;
        };
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            let ending = path.extension().and_then(|ending| ending.to_str());
            if path.is_dir() {
                directories.push(path);
            } else if matches!(ending, Some("pcap" | "pcapng" | "cap")) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The Ethernet frames of a capture, as far as the file can be read; `None` when
/// it cannot be opened as a capture at all.
pub fn frames(path: &Path) -> Option<Vec<Vec<u8>>> {
    let content = std::fs::read(path).ok()?;
    if content.starts_with(&PCAPNG) {
        frames_of_pcapng(path)
    } else {
        frames_of_pcap(path)
    }
}

fn frames_of_pcap(path: &Path) -> Option<Vec<Vec<u8>>> {
    let mut reader = PcapReader::new(File::open(path).ok()?).ok()?;
    let mut frames = Vec::new();
    if reader.header().datalink != DataLink::ETHERNET {
        return Some(frames);
    }
    while let Some(Ok(packet)) = reader.next_packet() {
        frames.push(packet.data().to_vec());
    }
    Some(frames)
}

fn frames_of_pcapng(path: &Path) -> Option<Vec<Vec<u8>>> {
    let mut reader = PcapNgReader::new(File::open(path).ok()?).ok()?;
    let mut frames = Vec::new();
    while let Some(Ok((block, state))) = reader.next_block() {
        let (interface, data) = match block {
            Block::EnhancedPacket(packet) => {
                (packet.interface_id as usize, packet.data.into_owned())
            }
            Block::SimplePacket(packet) => (0, packet.data.into_owned()),
            _ => continue,
        };
        let link = state
            .interfaces()
            .get(interface)
            .map(|interface| interface.linktype);
        if link == Some(DataLink::ETHERNET) {
            frames.push(data);
        }
    }
    Some(frames)
}
