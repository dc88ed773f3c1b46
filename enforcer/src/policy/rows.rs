//! CSV device lists → raw devices, and places in them → lines and columns.
//! Checks the header and the number of cells, not what is in them.

use csv::{ReaderBuilder, StringRecord, Trim};

use super::findings::Findings;
use super::lenient::{OneOrMany, Scalar};
use super::place::{At, Here, Place, Position, Step, quoted};
use super::raw::{Device, Keys};
use super::validate::closest;

const REQUIRED: [&str; 3] = ["name", "mac", "profile"];

/// Reads a device list; each device comes with the number of its row, from 0
/// below the header.
pub(super) fn read(number: usize, text: &str, findings: &mut Findings) -> Vec<(usize, Device)> {
    let mut reader = reader(text);
    let mut rows = reader.records();
    let Some(Ok(header)) = rows.next() else {
        findings
            .error(
                at_header(number),
                "the device list is empty; its first row names the columns",
            )
            .suggest(columns);
        return Vec::new();
    };
    if !check_header(number, &header, findings) {
        return Vec::new();
    }
    let top = Here::top(number);
    let list = top.key("devices");
    let mut devices = Vec::new();
    for (index, row) in rows.enumerate() {
        match row {
            // Spreadsheets like to end a list with rows of empty cells.
            Ok(row) if row.iter().all(str::is_empty) => {}
            Ok(row) if row.len() == header.len() => devices.push((index, device(&header, &row))),
            Ok(row) => {
                let message = format!(
                    "{} cells, but the header names {} columns",
                    row.len(),
                    header.len()
                );
                findings.error(&list.index(index), message);
            }
            Err(error) => {
                findings.error(&list.index(index), format!("not valid CSV: {error}"));
            }
        }
    }
    devices
}

/// The position of each place in a device list.
pub(super) fn positions(text: &str, places: &[&Place]) -> Vec<Position> {
    let mut positions: Vec<_> = places.iter().map(|place| fixed(place)).collect();
    let mut wanted: Vec<_> = places
        .iter()
        .enumerate()
        .filter_map(|(slot, place)| Some((row(place)?, slot)))
        .collect();
    wanted.sort_unstable();
    let mut wanted = wanted.into_iter().peekable();

    let mut reader = reader(text);
    let mut record = StringRecord::new();
    let header = match reader.read_record(&mut record) {
        Ok(true) => record.clone(),
        _ => return positions,
    };
    let mut lines = Lines {
        text,
        line: 1,
        offset: 0,
    };
    let mut index = 0;
    while wanted.peek().is_some() && matches!(reader.read_record(&mut record), Ok(true)) {
        while let Some((_, slot)) = wanted.next_if(|(row, _)| *row == index) {
            let start = record
                .position()
                .map_or(0, |position| usize::try_from(position.byte()).unwrap_or(0));
            let column =
                column(places[slot]).and_then(|key| header.iter().position(|name| name == key));
            positions[slot] = lines.cell(start, column.unwrap_or(0));
        }
        index += 1;
    }
    positions
}

fn reader(text: &str) -> csv::Reader<&[u8]> {
    let mut builder = ReaderBuilder::new();
    builder
        .has_headers(false)
        .flexible(true)
        .comment(Some(b'#'))
        .trim(Trim::All)
        .from_reader(text.as_bytes())
}

fn at_header(number: usize) -> Place {
    Place::fixed(number, Position { line: 1, column: 1 })
}

fn columns() -> Option<String> {
    Some(format!("the columns are {}", Device::KEYS.join(",")))
}

/// Whether rows below this header can be understood.
fn check_header(number: usize, header: &StringRecord, findings: &mut Findings) -> bool {
    if header.len() == 1 && header[0].contains([';', '\t']) {
        findings.error(
            at_header(number),
            "cells of a device list are separated by commas",
        );
        return false;
    }
    let before = findings.errors();
    for (index, name) in header.iter().enumerate() {
        if !Device::KEYS.contains(&name) {
            findings
                .error(
                    at_header(number),
                    format!("no column {} is known", quoted(name)),
                )
                .suggest(|| closest(name, Device::KEYS.iter().copied()).or_else(columns));
        } else if header.iter().take(index).any(|earlier| earlier == name) {
            findings.error(
                at_header(number),
                format!("the column {} is there twice", quoted(name)),
            );
        }
    }
    for name in REQUIRED {
        if !header.iter().any(|column| column == name) {
            findings.error(
                at_header(number),
                format!("the column {} is missing", quoted(name)),
            );
        }
    }
    findings.errors() == before
}

fn device(header: &StringRecord, row: &StringRecord) -> Device {
    let mut device = Device::default();
    for (name, cell) in header.iter().zip(row).filter(|(_, cell)| !cell.is_empty()) {
        let text = Some(Scalar::Text(cell.to_owned()));
        match name {
            "name" => device.name = text,
            "mac" => device.mac = text,
            "vlan" => device.vlan = text,
            "ip" => device.ip = Some(words(cell)),
            "profile" => device.profile = text,
            "mode" => device.mode = text,
            "port" => device.port = text,
            "tags" => device.tags = Some(words(cell)),
            _ => {}
        }
    }
    device
}

/// What blanks or semicolons separate in one cell.
fn words(cell: &str) -> OneOrMany {
    let parts = cell.split([' ', ';']).filter(|part| !part.is_empty());
    OneOrMany::Many(parts.map(|part| Scalar::Text(part.to_owned())).collect())
}

fn fixed(place: &Place) -> Position {
    match place.at {
        At::Fixed(position) => position,
        At::Value | At::Key | At::Repeat => Position { line: 1, column: 1 },
    }
}

fn row(place: &Place) -> Option<usize> {
    match place.path.get(1) {
        Some(Step::Index(index)) => Some(*index),
        _ => None,
    }
}

fn column(place: &Place) -> Option<&str> {
    match place.path.get(2) {
        Some(Step::Key(key)) => Some(key),
        _ => None,
    }
}

/// A text whose lines are counted as far as they were asked for.
struct Lines<'a> {
    text: &'a str,
    line: u32,
    offset: usize,
}

impl Lines<'_> {
    /// The position of a cell of the row that the reader began to look for at
    /// `start`: empty lines and comments may come first.
    fn cell(&mut self, start: usize, column: usize) -> Position {
        let mut start = start.max(self.offset);
        while let Some(rest) = self.text.get(start..) {
            let skipped = match rest.bytes().next() {
                Some(b'\r' | b'\n') => 1,
                Some(b'#') => rest.find('\n').unwrap_or(rest.len()),
                _ => break,
            };
            start += skipped;
        }
        let passed = self
            .text
            .as_bytes()
            .get(self.offset..start)
            .unwrap_or_default();
        let breaks = passed.iter().filter(|byte| **byte == b'\n').count();
        self.line = self
            .line
            .saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX));
        self.offset = start;

        let mut quotes = false;
        let mut commas = 0;
        let row = self.text.get(start..).unwrap_or_default();
        let before = row.chars().take_while(|character| {
            quotes ^= *character == '"';
            let within = commas < column;
            commas += usize::from(*character == ',' && !quotes);
            within
        });
        let characters = before.count();
        Position {
            line: self.line,
            column: u32::try_from(characters)
                .unwrap_or(u32::MAX)
                .saturating_add(1),
        }
    }
}
