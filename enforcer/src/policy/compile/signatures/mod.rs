//! Signatures → groups, one for each set that is looked for together: by service, sender and
//! profile. A group is an automaton over one pattern of each signature, a filter before
//! it, and the lines that the rest of a signature is compared with.

mod alphabet;
mod automaton;
mod filter;
mod known;
mod lower;
mod region;
mod sets;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use enforcer_common::limits;
use enforcer_common::signature::{
    ACTION_ALERT, ACTION_CUT, ACTION_DROP, BEGIN_CONNECTION, BEGIN_SEGMENT, BEGIN_TURN, GroupLine,
    InspectionLine, PROFILE_LINES, Profiles, SignatureLine, THRESHOLD_DESTINATION, THRESHOLD_EVERY,
};
use serde::{Deserialize, Serialize};

use super::applications::Applications;
use super::groups::Groups;
use super::image::{Image, rows};
use super::services::ServiceClasses;
use super::{Error, check, profile_number};
use crate::policy::model::{Model, Peer};
use crate::policy::signature::{
    Action, Begin, LONGEST_WINDOW, Per, Signature, TcpFlags, Threshold,
};
use automaton::Automaton;
use filter::Filter;
use known::Known;
pub use lower::{Lowered, Unfit, lower};
use region::Region;
pub(super) use sets::ProfileClasses;
use sets::Sets;

/// Signatures that one state of an automaton tells of.
const TOLD: usize = 16;
/// How likely an automaton may tell of a pattern behind a random byte where none ends: of
/// the hits that are followed in a piece, a quarter.
const IN_VAIN: f64 = 1.0 / 256.0;
/// How many of the costliest signatures an error names.
const NAMED: usize = 5;

/// What a group takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSize {
    /// Indices in [`Model::signatures`].
    pub signatures: Vec<usize>,
    pub states: usize,
    pub bytes: usize,
    /// Whether clean payload passes a filter.
    pub filtered: bool,
}

/// What is needed for inspection, besides lines of the image.
#[derive(Default)]
pub(super) struct Placed {
    /// Its line, 0 where there is nothing to look for.
    pub(super) line: u32,
    /// Lines of the automata.
    pub(super) automata: Vec<[u64; 8]>,
    pub(super) sizes: Vec<GroupSize>,
}

/// Places what is needed for inspection.
pub(super) fn place(
    image: &mut Image,
    model: &Model,
    services: &ServiceClasses,
    applications: &Applications,
    devices: &Groups,
    profile_classes: &ProfileClasses,
) -> Result<Placed, Error> {
    check(
        "distinct application protocols of rules",
        applications.count(),
        u32::from(u16::MAX),
    )?;
    if model.signatures.is_empty() && applications.count() == 0 {
        return Ok(Placed::default());
    }
    let mut lowered = Vec::with_capacity(model.signatures.len());
    for signature in &model.signatures {
        let one = lower(signature).map_err(|error| {
            Error::Signatures(format!("the signature {}: {error}", signature.name))
        })?;
        lowered.push(one);
    }
    let mut sets = Sets::new(model, services, profile_classes);
    if check_budget(model, &lowered, &sets, limits::SIGNATURE_BYTES / 2).is_err() {
        // Each profile's group holds those for all profiles again.
        sets = Sets::of_all_profiles(model, services, profile_classes);
    }
    check(
        "distinct sets of signatures",
        sets.sets.len(),
        u32::from(u16::MAX),
    )?;
    check_budget(model, &lowered, &sets, limits::SIGNATURE_BYTES)?;
    let profiles = place_profiles(image, model);
    let mut region = Region::new();
    let mut groups = Vec::new();
    let mut sizes = Vec::new();
    for set in &sets.sets {
        let (group, size) = place_group(image, &mut region, model, &lowered, set)?;
        if !region.fits() {
            return Err(too_large(model, &lowered, &sets));
        }
        groups.push(group);
        sizes.push(size);
    }
    let lines = model.signatures.iter().zip(&lowered).enumerate();
    let lines: Vec<SignatureLine> = lines
        .map(|(index, (signature, lowered))| SignatureLine {
            id: signature.id,
            parts: image.place(&[&*lowered.parts, &*lowered.absent].concat()),
            count: lowered.parts.len() as u32,
            fast: lowered.fast as u32,
            profiles: profiles[index],
            action: match signature.action {
                Action::Alert => ACTION_ALERT,
                Action::Drop => ACTION_DROP,
                Action::Cut => ACTION_CUT,
            },
            begin: match signature.begin {
                Begin::Connection => BEGIN_CONNECTION,
                Begin::Turn => BEGIN_TURN,
                Begin::Segment => BEGIN_SEGMENT,
            },
            tcp_flags: {
                let TcpFlags { set, clear, any } = signature.tcp_flags;
                u32::from_le_bytes([set, clear, any, 0])
            },
            groups: place_tags(image, signature, devices),
            absent: lowered.absent.len() as u32,
            shortest: signature.length.map_or(0, |(least, _)| least.into()),
            longest: signature.length.map_or(0, |(_, most)| most.into()),
            ends: signature.ends.into(),
            jumps: lowered.jumps,
            hits: signature.threshold.map_or(0, |of| of.hits),
            threshold: signature.threshold.map_or(0, threshold),
        })
        .collect();
    let line = InspectionLine {
        of_services: image.place(&rows(&sets.of_services)),
        groups: image.place(&groups),
        signatures: image.place(&lines),
        applications: applications.place(image),
        key: 0,
        columns: sets.columns as u32,
        reserved: 0,
        more: [0; 4],
    };
    Ok(Placed {
        line: image.place(&[line]),
        automata: region.lines(),
        sizes,
    })
}

/// The window of a threshold, and how it is counted.
fn threshold(threshold: Threshold) -> u32 {
    let per = match threshold.per {
        Per::Source => 0,
        Per::Destination => THRESHOLD_DESTINATION,
    };
    let every = if threshold.every { THRESHOLD_EVERY } else { 0 };
    threshold.seconds.min(LONGEST_WINDOW) | per | every
}

/// Line of the profiles that each signature is for, 0 for all.
fn place_profiles(image: &mut Image, model: &Model) -> Vec<u32> {
    let mut places: BTreeMap<Vec<usize>, u32> = BTreeMap::from([(Vec::new(), 0)]);
    let lines = model.signatures.iter().map(|signature| {
        *places
            .entry(signature.profiles.clone())
            .or_insert_with_key(|profiles| image.place(&bits_of(profiles)))
    });
    lines.collect()
}

/// First of the lines of the groups of devices that a signature's tags make up; 0 for all.
fn place_tags(image: &mut Image, signature: &Signature, devices: &Groups) -> u32 {
    if signature.tags.is_empty() {
        return 0;
    }
    let mut lines = vec![Profiles::default(); devices.peers.len().div_ceil(512)];
    for tag in &signature.tags {
        for group in devices.groups(&Peer::Tag(tag.clone())) {
            let place = *group as usize;
            lines[place >> 9].0[place >> 6 & 7] |= 1 << (place & 63);
        }
    }
    image.place(&lines)
}

fn bits_of(profiles: &[usize]) -> Vec<Profiles> {
    let mut lines = vec![Profiles::default(); PROFILE_LINES as usize];
    for profile in profiles {
        let place = profile_number(*profile) as usize;
        lines[place >> 9].0[place >> 6 & 7] |= 1 << (place & 63);
    }
    lines
}

fn place_group(
    image: &mut Image,
    region: &mut Region,
    model: &Model,
    lowered: &[Lowered],
    set: &[u16],
) -> Result<(GroupLine, GroupSize), Error> {
    let indices: Vec<usize> = set.iter().map(|number| usize::from(*number) - 1).collect();
    let patterns = patterns(lowered, set);
    let automaton = Automaton::new(&patterns).map_err(Error::Signatures)?;
    check_hits(model, lowered, set, &automaton)?;
    let spelled = indices.iter().map(|index| lowered[*index].spelled());
    let filter = Filter::new(&spelled.collect());
    let [reach, turn_reach] = reaches(model, lowered, &indices);
    let known = if filter.is_none() {
        let ones = indices.iter().map(|index| &lowered[*index]);
        Known::new(ones, reach != 0 && turn_reach == 0)
    } else {
        None
    };
    let before = image.length() * 64 + region.length();
    let columns = region.place(&automaton.columns);
    let root = region.next();
    region.place_words(&automaton.rows_at(root));
    let mut line = GroupLine {
        columns,
        root,
        outputs: image.place(&rows(&automaton.outputs)),
        output_column: automaton.output_column,
        longest: automaton.longest as u32,
        reach,
        turn_reach,
        ..GroupLine::default()
    };
    if let Some(filter) = &filter {
        let [grams, windows] = filter.tables.each_ref().map(|table| region.place(table));
        (line.filter, line.windows) = (grams, windows);
        line.filter_shift = filter.shift;
        (line.gram, line.stride) = (filter.form.gram as u32, filter.form.stride as u32);
    }
    if let Some(known) = &known {
        let table = region.place(&known.table);
        (line.filter, line.windows, line.filter_shift) = (table, table, known.shift);
        (line.gram, line.mask) = (known.gram, known.mask);
        (line.known, line.run) = (known.length, known.run.into());
        // What is known may begin before the pattern: so far back is looked.
        line.longest = line.longest.max(known.reach);
    }
    let size = GroupSize {
        signatures: indices,
        states: automaton.states,
        bytes: image.length() * 64 + region.length() - before,
        filtered: filter.is_some() || known.is_some(),
    };
    Ok((line, size))
}

/// Bytes in which patterns of a set end, from the beginning of the text and of a turn, as
/// [`GroupLine`] has them.
fn reaches(model: &Model, lowered: &[Lowered], set: &[usize]) -> [u32; 2] {
    let mut reaches = [1, 0];
    for index in set {
        let Some(reach) = lowered[*index].reach() else {
            return [0; 2];
        };
        let most = match model.signatures[*index].begin {
            Begin::Connection => &mut reaches[0],
            Begin::Turn => &mut reaches[1],
            Begin::Segment => return [0; 2],
        };
        *most = reach.max(*most);
    }
    reaches
}

/// Patterns of a set, and the numbers that each tells of.
fn patterns(lowered: &[Lowered], set: &[u16]) -> BTreeMap<Vec<u8>, Vec<u16>> {
    let mut patterns: BTreeMap<Vec<u8>, Vec<u16>> = BTreeMap::new();
    for number in set {
        let pattern = lowered[usize::from(*number) - 1].pattern();
        patterns.entry(pattern).or_default().push(*number);
    }
    patterns
}

/// Automata grow with the patterns of all groups that a signature is in: what they take
/// is found before any is made.
fn check_budget(
    model: &Model,
    lowered: &[Lowered],
    sets: &Sets,
    budget: usize,
) -> Result<(), Error> {
    let mut bytes = 0;
    let within = sets.sets.iter().all(|set| {
        bytes += automaton::size(&patterns(lowered, set));
        bytes <= budget
    });
    if within {
        return Ok(());
    }
    Err(too_large(model, lowered, sets))
}

fn too_large(model: &Model, lowered: &[Lowered], sets: &Sets) -> Error {
    let mut groups = vec![0; lowered.len()];
    for number in sets.sets.iter().flatten() {
        groups[usize::from(*number) - 1] += 1;
    }
    let costs = lowered.iter().zip(groups).enumerate();
    let mut costs: Vec<(usize, &str)> = costs
        .map(|(index, (lowered, groups))| (groups * lowered.pattern().len(), name(model, index)))
        .collect();
    costs.sort_by_key(|(cost, name)| (Reverse(*cost), *name));
    let costliest = costs.iter().take(NAMED).map(|(_, name)| *name);
    Error::Signatures(format!(
        "the signatures take more than the {} KiB that they may; the costliest are {}: name their ports",
        limits::SIGNATURE_BYTES / 1024,
        costliest.collect::<Vec<_>>().join(", ")
    ))
}

/// Where an automaton tells of much that is not there, or of much at once, not all of it is
/// followed.
fn check_hits(
    model: &Model,
    lowered: &[Lowered],
    set: &[u16],
    automaton: &Automaton,
) -> Result<(), Error> {
    let names = |numbers: &[u16]| {
        let numbers = numbers.iter().take(NAMED);
        let names = numbers.map(|number| name(model, usize::from(*number) - 1));
        names.collect::<Vec<_>>().join(", ")
    };
    if automaton.in_vain > IN_VAIN {
        let mut shortest = set.to_vec();
        shortest.sort_by_key(|number| lowered[usize::from(*number) - 1].pattern().len());
        return Err(Error::Signatures(format!(
            "{} signatures that are looked for together have too many short patterns of too \
             many different bytes, the shortest {}, …: name their ports, or longer patterns",
            set.len(),
            names(&shortest)
        )));
    }
    let told = &automaton.most_told;
    if told.len() > TOLD {
        return Err(Error::Signatures(format!(
            "{} signatures share the end of a pattern, or have ends that are not told apart; \
             {TOLD} may: {}, …",
            told.len(),
            names(told)
        )));
    }
    Ok(())
}

fn name(model: &Model, index: usize) -> &str {
    &model.signatures[index].name
}
