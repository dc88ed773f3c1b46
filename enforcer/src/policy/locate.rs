//! Paths in a document → lines and columns. Runs only when there is something
//! to report, as a second pass over the text; judges nothing.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser};

use super::place::{At, Place, Position, Step};
use super::rows;
use super::source::{File, Format};

/// The position of each place in one file. A place that the document does not
/// have, such as a missing key, gets the position of what it is missing from.
pub(super) fn positions(file: &File, places: &[&Place]) -> Vec<Position> {
    match file.format() {
        Format::Csv => rows::positions(file.content(), places),
        Format::Yaml => in_yaml(file.content(), places),
    }
}

/// The position of each place in one YAML file; `None` where the document does not
/// have it.
pub(super) fn exact_positions(file: &File, places: &[&Place]) -> Vec<Option<Position>> {
    let (spots, ends) = find(file.content(), places);
    let found = places.iter().zip(ends);
    found.map(|(place, end)| spots[end].at(place.at)).collect()
}

/// A marker as people count.
pub(super) fn position(marker: &Marker) -> Position {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    Position {
        line: number(marker.line()),
        column: number(marker.col()).saturating_add(1),
    }
}

fn in_yaml(text: &str, places: &[&Place]) -> Vec<Position> {
    let (spots, ends) = find(text, places);
    let found = places.iter().zip(ends);
    found
        .map(|(place, end)| nearest(&spots, end, place.at))
        .collect()
}

/// Looks for places; each is the end of a path of spots.
fn find(text: &str, places: &[&Place]) -> (Vec<Spot>, Vec<usize>) {
    let mut spots = vec![Spot::default()];
    let ends: Vec<_> = places
        .iter()
        .map(|place| plant(&mut spots, &place.path))
        .collect();
    // A key that comes again may come anywhere.
    let enough = |spots: &[Spot]| {
        let mut wanted = places.iter().zip(&ends);
        wanted.all(|(place, end)| place.at != At::Repeat && spots[*end].at(place.at).is_some())
    };
    walk(text, &mut spots, enough);
    (spots, ends)
}

/// A place that is looked for, or lies on the way to one.
#[derive(Debug, Default)]
struct Spot {
    above: usize,
    below: HashMap<Step, usize>,
    key: Option<Position>,
    value: Option<Position>,
    repeat: Option<Position>,
}

impl Spot {
    fn at(&self, at: At) -> Option<Position> {
        match at {
            At::Fixed(position) => Some(position),
            At::Key => self.key.or(self.value),
            At::Repeat => self.repeat.or(self.key),
            At::Value => self.value,
        }
    }
}

/// Adds the spots of a path; returns its last.
fn plant(spots: &mut Vec<Spot>, path: &[Step]) -> usize {
    let mut current = 0;
    for step in path {
        let next = spots.len();
        let known = *spots[current].below.entry(step.clone()).or_insert(next);
        if known == next {
            spots.push(Spot {
                above: current,
                ..Spot::default()
            });
        }
        current = known;
    }
    current
}

fn nearest(spots: &[Spot], end: usize, at: At) -> Position {
    let spot = &spots[end];
    match spot.at(at) {
        Some(position) => position,
        None if end == 0 => Position { line: 1, column: 1 },
        None => nearest(spots, spot.above, At::Value),
    }
}

/// A list or mapping that is open, and its spot if one is wanted inside.
struct Open {
    spot: Option<usize>,
    within: Within,
}

enum Within {
    /// The index of the next element.
    List(usize),
    /// At a key.
    Key,
    /// At the value of a key, whose spot this is.
    Value(Option<usize>),
}

/// Follows the text's events, noting where the spots are, until there are enough of
/// them. Stops at the first error: what comes after it is not looked for.
fn walk(text: &str, spots: &mut [Spot], enough: impl Fn(&[Spot]) -> bool) {
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        let Ok((event, span)) = event else {
            return;
        };
        let start = position(&span.start);
        match event {
            Event::Scalar(text, ..) => {
                enter(spots, &mut open, start, Some(&text));
            }
            Event::Alias(_) => {
                enter(spots, &mut open, start, None);
            }
            Event::SequenceStart(..) => {
                let spot = enter(spots, &mut open, start, None);
                open.push(Open {
                    spot,
                    within: Within::List(0),
                });
            }
            Event::MappingStart(..) => {
                let spot = enter(spots, &mut open, start, None);
                open.push(Open {
                    spot,
                    within: Within::Key,
                });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                open.pop();
                // At the end of a section: the devices behind it may be very many.
                if open.len() == 1 && enough(spots) {
                    return;
                }
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => {}
        }
    }
}

/// Notes one node's position and moves its parent on. Returns the node's spot.
fn enter(
    spots: &mut [Spot],
    open: &mut [Open],
    start: Position,
    scalar: Option<&str>,
) -> Option<usize> {
    let Some(parent) = open.last_mut() else {
        spots[0].value = Some(start);
        return Some(0);
    };
    match parent.within {
        Within::List(index) => {
            parent.within = Within::List(index + 1);
            let spot = parent
                .spot
                .and_then(|spot| spots[spot].below.get(&Step::Index(index)).copied());
            note(spots, spot, start)
        }
        Within::Key => {
            parent.within = Within::Value(key(spots, parent.spot, scalar, start));
            None
        }
        Within::Value(spot) => {
            parent.within = Within::Key;
            note(spots, spot, start)
        }
    }
}

fn note(spots: &mut [Spot], spot: Option<usize>, start: Position) -> Option<usize> {
    if let Some(spot) = spot {
        spots[spot].value = Some(start);
    }
    spot
}

/// The spot that a key leads to; nothing for a key met before, as the reader
/// of values ignores what it leads to as well.
fn key(
    spots: &mut [Spot],
    parent: Option<usize>,
    scalar: Option<&str>,
    start: Position,
) -> Option<usize> {
    let below = &spots[parent?].below;
    if below.is_empty() {
        return None;
    }
    let spot = *below.get(&Step::Key(scalar?.to_owned()))?;
    if spots[spot].key.is_some() {
        spots[spot].repeat.get_or_insert(start);
        return None;
    }
    spots[spot].key = Some(start);
    Some(spot)
}

#[cfg(test)]
mod tests {
    use super::super::place::Here;
    use super::*;

    const TEXT: &str = "version: 1\nprofiles:\n  pump:\n    allow:\n      - to: dns\n        tcp: [53, \"x y\"]\n  pump: {}\n";

    fn found(place: Place) -> (u32, u32) {
        let position = in_yaml(TEXT, &[&place])[0];
        (position.line, position.column)
    }

    #[test]
    fn finds_values_keys_repeats_and_what_is_missing() {
        let top = Here::top(0);
        let profiles = top.key("profiles");
        let pump = profiles.key("pump");
        let allow = pump.key("allow");
        let rule = allow.index(0);
        let tcp = rule.key("tcp");
        assert_eq!(found(top.key("version").place()), (1, 10));
        assert_eq!(found(tcp.index(1).place()), (6, 19));
        assert_eq!(found(tcp.key_place()), (6, 9));
        assert_eq!(found(rule.place()), (5, 9));
        assert_eq!(found(pump.repeat_place()), (7, 3));
        assert_eq!(
            found(rule.key("udp").place()),
            (5, 9),
            "a missing key is told at its mapping"
        );
        assert_eq!(found(top.key("peers").place()), (1, 1));
    }
}
