//! The bytes of a capture file, unpacked where it is packed, with their place in
//! the file. Knows nothing of frames.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use super::Damage;

const BUFFER: usize = 1 << 16;
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// First bytes of what is packed otherwise, and how to unpack it.
const PACKED: [(&[u8], &str, &str); 4] = [
    (&[0x28, 0xb5, 0x2f, 0xfd], "zstd", "zstd -d"),
    (&[0xfd, 0x37, 0x7a, 0x58], "xz", "xz -d"),
    (&[0x04, 0x22, 0x4d, 0x18], "lz4", "lz4 -d"),
    (&[0x50, 0x4b, 0x03, 0x04], "zip", "unzip"),
];

/// How far a file on disk was read, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub read: u64,
    /// 0 where it is not known, as of a pipe.
    pub size: u64,
}

pub(super) struct Source {
    reader: Box<dyn BufRead>,
    /// Bytes handed out, of the unpacked file.
    pub(super) offset: u64,
    read: Arc<AtomicU64>,
    size: u64,
    /// Whether a packed file ended before its end mark.
    broken_off: bool,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self, Damage> {
        let at_start = |message: String| Damage {
            frame: None,
            byte: 0,
            message,
        };
        let file =
            File::open(path).map_err(|error| at_start(format!("cannot be opened: {error}")))?;
        let told = file.metadata();
        let told = told.map_err(|error| at_start(format!("cannot be read: {error}")))?;
        if told.is_dir() {
            return Err(at_start(
                "is a directory: name the captures in it".to_owned(),
            ));
        }
        let read = Arc::new(AtomicU64::new(0));
        let counted = Counted {
            file,
            read: Arc::clone(&read),
        };
        let mut reader = BufReader::with_capacity(BUFFER, counted);
        let first = reader.fill_buf();
        let first = first.map_err(|error| at_start(format!("cannot be read: {error}")))?;
        if let Some((_, kind, command)) = PACKED.iter().find(|(magic, ..)| first.starts_with(magic))
        {
            return Err(at_start(format!(
                "is packed by {kind}, which is not read: unpack it with `{command}` first"
            )));
        }
        let reader: Box<dyn BufRead> = if first.starts_with(&GZIP) {
            Box::new(BufReader::with_capacity(
                BUFFER,
                MultiGzDecoder::new(reader),
            ))
        } else {
            Box::new(reader)
        };
        Ok(Self {
            reader,
            offset: 0,
            read,
            size: told.len(),
            broken_off: false,
        })
    }

    pub(super) fn progress(&self) -> Progress {
        Progress {
            read: self.read.load(Ordering::Relaxed),
            size: self.size,
        }
    }

    /// The first four bytes, handed out.
    pub(super) fn magic(&mut self) -> Result<[u8; 4], Damage> {
        let mut magic = [0; 4];
        let fault = |message: String| Damage {
            frame: None,
            byte: 0,
            message,
        };
        match self.fill(&mut magic) {
            Ok(4) => Ok(magic),
            Ok(0) => Err(fault(
                "is empty: not even the header of a capture is there".to_owned(),
            )),
            Ok(read) => Err(fault(format!("has {read} bytes: it is no capture"))),
            Err(message) => Err(fault(message)),
        }
    }

    /// Fills the buffer as far as the file goes; says how far.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, String> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.reader.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    self.broken_off = true;
                    break;
                }
                Err(error) => return Err(fault(&error)),
            }
        }
        self.offset += filled as u64;
        Ok(filled)
    }

    /// Reads exactly `N` bytes; `None` at the end of the file. An error where the
    /// file ends among them.
    pub(super) fn array<const N: usize>(&mut self) -> Result<Option<[u8; N]>, String> {
        let mut bytes = [0; N];
        match self.fill(&mut bytes)? {
            0 if self.broken_off => {
                Err("the packed file ends before its end mark: it was cut off".to_owned())
            }
            0 => Ok(None),
            read if read == N => Ok(Some(bytes)),
            read => Err(cut_off(read as u64, N as u64)),
        }
    }

    /// Reads exactly as many bytes as the buffer holds.
    pub(super) fn exactly(&mut self, buffer: &mut [u8]) -> Result<(), String> {
        let wanted = buffer.len();
        match self.fill(buffer)? {
            read if read == wanted => Ok(()),
            read => Err(cut_off(read as u64, wanted as u64)),
        }
    }

    /// Passes over bytes without keeping them.
    pub(super) fn skip(&mut self, bytes: u64) -> Result<(), String> {
        let mut left = bytes;
        while left > 0 {
            let there = match self.reader.fill_buf() {
                Ok(there) => there.len() as u64,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => 0,
                Err(error) => return Err(fault(&error)),
            };
            if there == 0 {
                return Err(cut_off(bytes - left, bytes));
            }
            let step = there.min(left);
            self.reader.consume(step as usize);
            self.offset += step;
            left -= step;
        }
        Ok(())
    }
}

fn fault(error: &io::Error) -> String {
    format!("cannot be read or unpacked from here on: {error}")
}

fn cut_off(there: u64, wanted: u64) -> String {
    format!(
        "the file ends {} bytes into {} that should be there: it was cut off, or the length is wrong",
        grouped(there),
        grouped(wanted)
    )
}

/// Digits in groups of three.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    groups.join(" ")
}

/// A file that counts what is read of it.
struct Counted {
    file: File,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
