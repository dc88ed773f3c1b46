//! What `signatures import` says of rules, for people; on standard error, beside the
//! signatures on standard output.

use std::cmp::Reverse;

use enforcer::signatures::suricata::Refused;
use enforcer_common::limits;

use super::import::{OfFile, by_keyword, loaded, refused};
use crate::exit::Stop;
use crate::render::{Output, Style, Styled, Table, count};

/// Keywords listed; a file that holds no rules has very many.
const LISTED: usize = 50;

pub(super) fn tell(files: &[OfFile], every_refused: bool, output: &Output) -> Result<(), Stop> {
    if every_refused {
        for (file, refused) in refused(files) {
            output.note(&one_refused(file, refused))?;
        }
    }
    for OfFile { file, imported } in files {
        let line = summary(imported.loaded.len(), imported.refused.len());
        let rest = more(imported.narrowed(), imported.disabled);
        output.note(&format!("{file}: {line}{rest}"))?;
    }
    if files.len() > 1 {
        let imported = || files.iter().map(|of| &of.imported);
        let line = summary(loaded(files).count(), refused(files).count());
        let rest = more(
            imported().map(|of| of.narrowed()).sum(),
            imported().map(|of| of.disabled).sum(),
        );
        output.note(&format!("in total: {line}{rest}"))?;
    }
    keywords(files, output)?;
    let loaded = loaded(files).count();
    if loaded > limits::SIGNATURES as usize {
        output.warn(&format!(
            "{} signatures; a policy has {} at most",
            count(loaded as u64),
            count(limits::SIGNATURES.into())
        ))?;
    }
    Ok(())
}

fn summary(loaded: usize, refused: usize) -> String {
    let total = loaded + refused;
    format!("{} of {} loaded", count(loaded as u64), count(total as u64))
}

fn more(narrowed: usize, disabled: usize) -> String {
    let mut text = String::new();
    if narrowed > 0 {
        text += &format!(", {} of them narrowed", count(narrowed as u64));
    }
    if disabled > 0 {
        text += &format!("; {} disabled", count(disabled as u64));
    }
    text
}

/// The keywords that stood in the way, the most frequent first.
fn keywords(files: &[OfFile], output: &Output) -> Result<(), Stop> {
    let mut counts: Vec<_> = by_keyword(files).into_iter().collect();
    counts.sort_by_key(|(_, count)| Reverse(*count));
    let mut table = Table::new(&[">REFUSED", "BY"]);
    for (keyword, refused) in counts.iter().take(LISTED) {
        table.row([
            Styled::from(count(*refused as u64)),
            Styled::new(printable(keyword), Style::Plain),
        ]);
    }
    output.note_table(table)?;
    let rest = counts.len().saturating_sub(LISTED);
    if rest > 0 {
        let rest = count(rest as u64);
        output.note(&format!("and by {rest} more; all of them with -o json"))?;
    }
    Ok(())
}

fn one_refused(file: &str, refused: &Refused) -> String {
    let Refused {
        line,
        sid,
        keyword,
        why,
    } = refused;
    let sid = sid.map_or_else(String::new, |sid| format!("sid {sid}: "));
    let (keyword, why) = (printable(keyword), printable(why));
    format!("{file}:{line}: {sid}{keyword}: {why}")
}

/// Files come from elsewhere and terminals obey control characters.
fn printable(text: &str) -> String {
    let replaced = |character: char| match character.is_control() {
        true => char::REPLACEMENT_CHARACTER,
        false => character,
    };
    text.chars().map(replaced).collect()
}
