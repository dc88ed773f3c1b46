//! Captures as `simulate` reads them: what another implementation writes is read
//! back frame by frame, and every way in which a file can be cut off or lie ends in
//! a message that says where.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use enforcer::simulate::capture::{Capture, Damage};
use flate2::Compression;
use flate2::write::GzEncoder;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapReader, PcapTsResolution, PcapWriter};
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
};
use pcap_file::pcapng::blocks::section_header::SectionHeaderBlock;
use pcap_file::pcapng::blocks::simple_packet::SimplePacketBlock;
use pcap_file::pcapng::{PcapNgBlock as _, PcapNgWriter};
use pcap_file::{DataLink, Endianness};

/// What is left of a frame when its capture is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    number: u64,
    time: Option<u64>,
    interface: String,
    link: u16,
    bytes: Vec<u8>,
    length: u32,
}

/// All frames up to the end or the damage.
fn read(path: &Path) -> (Vec<Kept>, Option<Damage>) {
    let mut kept = Vec::new();
    let mut capture = match Capture::open(path) {
        Ok(capture) => capture,
        Err(damage) => return (kept, Some(damage)),
    };
    loop {
        match capture.next_frame() {
            Ok(Some(frame)) => kept.push(Kept {
                number: frame.number,
                time: frame.time,
                interface: frame.interface.name.clone(),
                link: frame.interface.link,
                bytes: frame.bytes.to_vec(),
                length: frame.length,
            }),
            Ok(None) => return (kept, None),
            Err(damage) => return (kept, Some(damage)),
        }
    }
}

fn read_bytes(content: &[u8]) -> (Vec<Kept>, Option<Damage>) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    read(file.path())
}

fn packed(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// Three frames of which the last was cut when captured, a second apart.
fn pcap(endianness: Endianness, ts_resolution: PcapTsResolution) -> Vec<u8> {
    let header = PcapHeader {
        endianness,
        ts_resolution,
        ..PcapHeader::default()
    };
    let mut writer = PcapWriter::with_header(Vec::new(), header).unwrap();
    for (number, length) in [(1_u8, 60), (2, 14), (3, 1514)] {
        let time = Duration::new(1_790_000_000 + u64::from(number), 123_456_000);
        let captured = vec![number; length.min(100)];
        let packet = PcapPacket::new(time, length as u32, captured).unwrap();
        writer.write_packet(&packet).unwrap();
    }
    writer.into_inner()
}

fn interface(
    link: DataLink,
    name: &'static str,
    resolution: InterfaceTsResolution,
) -> InterfaceDescriptionBlock<'static> {
    let mut block = InterfaceDescriptionBlock::new(link, 0);
    block.options = vec![
        InterfaceDescriptionOption::IfName(name.into()),
        InterfaceDescriptionOption::IfTsResol(resolution),
    ];
    block
}

fn enhanced(
    interface_id: u32,
    time: Duration,
    data: &[u8],
    original_len: u32,
) -> EnhancedPacketBlock<'_> {
    EnhancedPacketBlock {
        interface_id,
        timestamp: time,
        original_len,
        data: data.into(),
        options: Vec::new(),
    }
}

/// Frames of two interfaces, one of which is none of Ethernet, and a simple one.
fn pcapng(endianness: Endianness) -> Vec<u8> {
    let section = SectionHeaderBlock {
        endianness,
        ..SectionHeaderBlock::default()
    };
    let mut writer = PcapNgWriter::with_section_header(Vec::new(), section).unwrap();
    let blocks = [
        interface(DataLink::ETHERNET, "eth1", InterfaceTsResolution::NANO).into_block(),
        interface(DataLink::LINUX_SLL, "any", InterfaceTsResolution::MILLI).into_block(),
        enhanced(0, Duration::new(1_790_000_000, 1), &[1; 61], 61).into_block(),
        enhanced(1, Duration::new(1_790_000_001, 5_000_000), &[2; 20], 20).into_block(),
        SimplePacketBlock {
            original_len: 33,
            data: [3; 33].as_slice().into(),
        }
        .into_block(),
        enhanced(0, Duration::new(1_790_000_002, 7), &[4; 64], 1514).into_block(),
    ];
    for block in &blocks {
        writer.write_block(block).unwrap();
    }
    writer.into_inner()
}

const SECOND: u64 = 1_000_000_000;

#[test]
fn pcap_is_read_in_both_orders_and_resolutions_plain_and_packed() {
    for endianness in [Endianness::Little, Endianness::Big] {
        for resolution in [PcapTsResolution::MicroSecond, PcapTsResolution::NanoSecond] {
            let content = pcap(endianness, resolution);
            let (kept, damage) = read_bytes(&content);
            assert_eq!(damage, None);
            let frames: Vec<_> = kept
                .iter()
                .map(|of| (of.number, of.bytes.len(), of.length))
                .collect();
            assert_eq!(frames, [(1, 60, 60), (2, 14, 14), (3, 100, 1514)]);
            let second = 1_790_000_002 * SECOND + 123_456_000;
            assert_eq!((kept[1].time, kept[1].link), (Some(second), 1));
            assert_eq!(kept[2].bytes, [3; 100]);
            assert_eq!(read_bytes(&packed(&content)), (kept, None));
        }
    }
}

#[test]
fn pcapng_has_interfaces_with_names_links_and_clocks() {
    for endianness in [Endianness::Little, Endianness::Big] {
        let content = pcapng(endianness);
        let (kept, damage) = read_bytes(&content);
        assert_eq!(damage, None);
        let frames: Vec<_> = kept
            .iter()
            .map(|of| {
                (
                    of.interface.as_str(),
                    of.link,
                    of.time,
                    of.bytes.len(),
                    of.length,
                )
            })
            .collect();
        let at = |seconds: u64, nanoseconds| Some((1_790_000_000 + seconds) * SECOND + nanoseconds);
        let expected = [
            ("eth1", 1, at(0, 1), 61, 61),
            ("any", 113, at(1, 5_000_000), 20, 20),
            ("eth1", 1, None, 33, 33),
            ("eth1", 1, at(2, 7), 64, 1514),
        ];
        assert_eq!(frames, expected);
        assert_eq!(read_bytes(&packed(&content)), (kept, None));
    }
}

#[test]
fn a_second_section_has_its_own_order_and_interfaces() {
    let content = [pcapng(Endianness::Little), pcapng(Endianness::Big)].concat();
    let (kept, damage) = read_bytes(&content);
    assert_eq!(damage, None);
    assert_eq!(kept.len(), 8);
    let content = |of: &Kept| (of.time, of.bytes.clone(), of.interface.clone());
    for (first, second) in kept[..4].iter().zip(&kept[4..]) {
        assert_eq!(content(first), content(second));
        assert_eq!(first.number + 4, second.number, "numbers go on");
    }
}

/// Every beginning of a file gives the frames that it holds wholly, and is damaged
/// unless it ends between two of them.
#[test]
fn a_file_that_is_cut_off_anywhere_gives_what_was_before_and_says_where() {
    let whole = pcap(Endianness::Little, PcapTsResolution::MicroSecond);
    // Where the header and each record end.
    let ends = [24, 24 + 76, 24 + 76 + 30, whole.len()];
    for length in 0..=whole.len() {
        let (kept, damage) = read_bytes(&whole[..length]);
        let complete = ends.iter().skip(1).filter(|end| **end <= length).count();
        assert_eq!(kept.len(), complete, "of {length} bytes");
        let clean = ends.contains(&length);
        assert_eq!(damage.is_none(), clean, "of {length} bytes: {damage:?}");
        if let (Some(damage), true) = (damage, length > 24) {
            assert_eq!(damage.frame, Some(complete as u64 + 1));
            assert_eq!(damage.byte, ends[complete] as u64, "where the frame begins");
            assert!(damage.message.contains("the file ends"), "{damage}");
        }
    }
}

#[test]
fn a_pcapng_that_is_cut_off_anywhere_gives_what_was_before() {
    let whole = pcapng(Endianness::Little);
    let (frames, _) = read_bytes(&whole);
    let mut clean = 0;
    for length in 4..=whole.len() {
        let (kept, damage) = read_bytes(&whole[..length]);
        assert_eq!(kept, frames[..kept.len()], "of {length} bytes");
        clean += usize::from(damage.is_none());
    }
    // Behind the section's header, both interfaces, and each frame.
    assert_eq!(clean, 7);
}

#[test]
fn a_packed_file_that_is_cut_off_is_never_taken_for_whole() {
    for whole in [
        pcap(Endianness::Little, PcapTsResolution::MicroSecond),
        pcapng(Endianness::Big),
    ] {
        let content = packed(&whole);
        let (frames, _) = read_bytes(&whole);
        for length in 0..content.len() {
            let (kept, damage) = read_bytes(&content[..length]);
            assert!(damage.is_some(), "of {length} of {} bytes", content.len());
            assert_eq!(kept, frames[..kept.len()]);
        }
    }
}

/// A record's header with these lengths, behind a whole frame.
fn with_record(captured: u32, length: u32) -> Vec<u8> {
    let mut content = pcap(Endianness::Little, PcapTsResolution::MicroSecond);
    content.truncate(24 + 76);
    for word in [1_790_000_009, 0, captured, length] {
        content.extend(word.to_le_bytes());
    }
    content.extend([0; 4096]);
    content
}

#[test]
fn lengths_that_cannot_be_are_told_with_their_frame_and_place() {
    for (captured, length, words) in [
        (u32::MAX, u32::MAX, "4 294 967 295 bytes"),
        (262_145, 262_145, "no captured frame has more than 262 144"),
        (61, 60, "61 of 60 bytes"),
        (4_097, 9_000, "the file ends 4 096 bytes into 4 097"),
    ] {
        let (kept, damage) = read_bytes(&with_record(captured, length));
        let damage = damage.expect("damage");
        assert_eq!((kept.len(), damage.frame, damage.byte), (1, Some(2), 100));
        assert!(damage.message.contains(words), "{damage}");
    }
}

/// A pcapng of one frame of 64 bytes; the block with the frame begins at the
/// place given back.
fn one_frame() -> (Vec<u8>, usize) {
    let mut writer = PcapNgWriter::with_endianness(Vec::new(), Endianness::Little).unwrap();
    let interface = interface(DataLink::ETHERNET, "eth1", InterfaceTsResolution::NANO);
    writer.write_pcapng_block(interface).unwrap();
    let start = writer.get_ref().len();
    writer
        .write_pcapng_block(enhanced(0, Duration::from_secs(1), &[1; 64], 64))
        .unwrap();
    (writer.into_inner(), start)
}

#[test]
fn blocks_that_lie_are_told_with_their_place() {
    let damaged = |place: usize, word: u32| {
        let (mut content, start) = one_frame();
        content[start + place..start + place + 4].copy_from_slice(&word.to_le_bytes());
        let (kept, damage) = read_bytes(&content);
        let damage = damage.expect("damage");
        assert_eq!((kept.len(), damage.byte), (0, start as u64), "{damage}");
        damage
    };
    for (place, word, words) in [
        (4, 0, "claims 0 bytes, which none can have"),
        (4, 8, "claims 8 bytes, which none can have"),
        (4, 97, "claims 97 bytes, which none can have"),
        (4, u32::MAX - 3, "more than any frame needs"),
        (4, 92, "92 bytes at its beginning and"),
        (4, 1_000, "the file ends"),
        (8, 7, "interface 7, which the file does not describe"),
        (20, 65, "65 of 64 bytes"),
        (92, 97, "96 bytes at its beginning and 97 at its end"),
    ] {
        let damage = damaged(place, word);
        assert!(damage.message.contains(words), "{place}: {damage}");
    }
    // More than the block holds, where the frame had as many.
    let (mut content, start) = one_frame();
    content[start + 20..start + 24].copy_from_slice(&200_u32.to_le_bytes());
    content[start + 24..start + 28].copy_from_slice(&200_u32.to_le_bytes());
    let damage = read_bytes(&content).1.expect("damage");
    assert_eq!(damage.frame, Some(1));
    assert!(
        damage.message.contains("its block has room for 64"),
        "{damage}"
    );
}

#[test]
fn blocks_of_other_kinds_are_passed_over_whatever_their_size() {
    let (mut content, start) = one_frame();
    let block = [
        &0x0bad_u32.to_le_bytes()[..],
        &(12 + (4 << 20) as u32).to_le_bytes(),
        &vec![0; 4 << 20],
        &(12 + (4 << 20) as u32).to_le_bytes(),
    ]
    .concat();
    content.splice(start..start, block);
    let (kept, damage) = read_bytes(&content);
    assert_eq!((kept.len(), damage), (1, None));
}

#[test]
fn what_is_no_capture_is_told_for_what_it_is() {
    for (content, words) in [
        (&b""[..], "is empty"),
        (b"ab", "has 2 bytes"),
        (b"version: 1\nprofiles: {}\n", "is neither pcap nor pcapng"),
        (&[0x28, 0xb5, 0x2f, 0xfd, 0, 0], "packed by zstd"),
        (&[0x34, 0xcd, 0xb2, 0xa1, 2, 0, 4, 0], "patched libpcap"),
        (
            &[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0],
            "the header of the capture",
        ),
    ] {
        let (kept, damage) = read_bytes(content);
        let damage = damage.expect("damage");
        assert!(
            kept.is_empty() && damage.message.contains(words),
            "{damage}"
        );
    }
    let nested = read_bytes(&packed(b"no capture"));
    assert!(
        nested
            .1
            .expect("damage")
            .message
            .contains("neither pcap nor")
    );
    let directory = tempfile::tempdir().unwrap();
    let damage = read(directory.path()).1.expect("damage");
    assert!(damage.message.contains("is a directory"), "{damage}");
    let damage = read(&directory.path().join("none.pcap")).1.expect("damage");
    assert!(damage.message.contains("cannot be opened"), "{damage}");
}

/// Captures of many tools, where they are at hand: the other implementation reads
/// the same frames.
#[test]
fn captures_at_hand_are_read_as_by_another_implementation() {
    let directory = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/data/captures"
    ));
    let mut compared = 0;
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                directories.push(path);
            } else if let Some(other) = other_pcap(&path) {
                let (kept, damage) = read(&path);
                let own: Vec<_> = kept
                    .iter()
                    .map(|of| (of.time.unwrap_or(0), of.bytes.clone()))
                    .collect();
                let same = own.len().min(other.len());
                assert_eq!(own[..same], other[..same], "{}", path.display());
                assert!(
                    damage.is_some() || same == other.len(),
                    "{}",
                    path.display()
                );
                compared += same;
            }
        }
    }
    println!("{compared} frames read alike");
}

/// Times and bytes of the frames as the other implementation reads them.
fn other_pcap(path: &Path) -> Option<Vec<(u64, Vec<u8>)>> {
    let mut reader = PcapReader::new(std::fs::File::open(path).ok()?).ok()?;
    let unit = match reader.header().ts_resolution {
        PcapTsResolution::MicroSecond => 1_000,
        PcapTsResolution::NanoSecond => 1,
    };
    let mut frames = Vec::new();
    while let Some(Ok(packet)) = reader.next_raw_packet() {
        let time = u64::from(packet.ts_sec) * SECOND + u64::from(packet.ts_frac) * unit;
        frames.push((time, packet.data.to_vec()));
    }
    Some(frames)
}
