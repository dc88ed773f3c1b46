//! The report of a simulation, for people.

use std::io::{Write as _, stderr};

use enforcer::simulate::report::{Example, Frames, OfReason, Report};

use crate::exit::Stop;
use crate::render::{Output, Style, Styled, Table, bytes, count, time};

/// Rules and devices listed; there may be very many.
const LISTED: usize = 20;
/// Digits of a hash that people compare.
const HASH: usize = 12;

pub(super) fn tell(report: &Report, output: &Output) -> Result<(), Stop> {
    output.line(&heading(report))?;
    output.line("")?;
    let mut fates = Table::new(&["FATE", ">FRAMES", ">BYTES"]);
    for of in &report.fates {
        fates.row([
            Styled::new(of.fate, Style::of_fate(of.fate)),
            count(of.frames).into(),
            bytes(of.bytes).into(),
        ]);
    }
    output.table(fates, "")?;
    if report.reasons.is_empty() {
        return Ok(());
    }
    output.line("")?;
    let mut reasons = Table::new(&["FATE", "REASON", ">FRAMES", ">BYTES"]);
    for of in &report.reasons {
        reasons.row([
            Styled::new(of.fate, Style::of_fate(of.fate)),
            of.reason.to_owned().into(),
            count(of.frames).into(),
            bytes(of.bytes).into(),
        ]);
    }
    output.table(reasons, "")?;
    output.line("")?;
    rules(report, output)?;
    signatures(report, output)?;
    output.line("")?;
    devices(report, output)?;
    for of in &report.reasons {
        examples(of, output)?;
    }
    if let Some(agreement) = &report.agreement {
        output.line(&format!(
            "\n{} frames were judged by both engines, {} differently.",
            count(agreement.compared),
            count(agreement.differing)
        ))?;
    }
    Ok(())
}

fn heading(report: &Report) -> String {
    let Frames { read, judged, .. } = report.frames;
    let files = match report.files.as_slice() {
        [file] => file.file.clone(),
        files => format!("{} files", files.len()),
    };
    let hash = report.policy.hash.get(..HASH).unwrap_or_default();
    let mut text = format!(
        "{} of {} frames of {files} judged by the {}, policy {hash}",
        count(judged),
        count(read),
        report.engines.join(" and the "),
    );
    if let (Some(first), Some(last)) = (&report.frames.first, &report.frames.last) {
        text += &format!("\nfrom {} to {}", time(first), time(last));
    }
    if let Some(until) = &report.frames.adopting_until {
        text += &format!(
            "; sessions that already ran were adopted until {}",
            time(until)
        );
    }
    text
}

fn rules(report: &Report, output: &Output) -> Result<(), Stop> {
    let mut table = Table::new(&["RULE", ">FRAMES", ">BYTES"]);
    for of in report.rules.iter().take(LISTED) {
        table.row([of.rule.clone(), count(of.frames), bytes(of.bytes)]);
    }
    output.table(table, "No rule allowed a frame.")?;
    more(report.rules.len(), "rules", output)
}

fn signatures(report: &Report, output: &Output) -> Result<(), Stop> {
    if report.signatures.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&["SIGNATURE", ">ID", ">FRAMES", ">BYTES"]);
    for of in report.signatures.iter().take(LISTED) {
        table.row([
            of.signature.clone(),
            of.id.to_string(),
            count(of.frames),
            bytes(of.bytes),
        ]);
    }
    output.line("")?;
    output.table(table, "")?;
    more(report.signatures.len(), "signatures", output)
}

fn devices(report: &Report, output: &Output) -> Result<(), Stop> {
    let columns = [
        "DEVICE",
        "PROFILE",
        ">ALLOW",
        ">AUDIT",
        ">DENY",
        ">FAIL-OPEN",
        ">BYTES",
    ];
    let mut table = Table::new(&columns);
    for of in report.devices.iter().take(LISTED) {
        let name = of.device.clone().unwrap_or_else(|| "(none)".to_owned());
        table.row([
            name,
            of.profile.clone().unwrap_or_default(),
            count(of.allow),
            count(of.audit),
            count(of.deny),
            count(of.fail_open),
            bytes(of.bytes),
        ]);
    }
    output.table(table, "")?;
    more(report.devices.len(), "devices", output)
}

fn more(all: usize, what: &str, output: &Output) -> Result<(), Stop> {
    match all.saturating_sub(LISTED) {
        0 => Ok(()),
        more => output.line(&format!(
            "and {} more {what}; all of them with -o json",
            count(more as u64)
        )),
    }
}

fn examples(of: &OfReason, output: &Output) -> Result<(), Stop> {
    if of.first.is_empty() {
        return Ok(());
    }
    output.line(&format!(
        "\n{}, {}: {}",
        output.style(of.fate, Style::of_fate(of.fate)),
        of.reason,
        of.explanation
    ))?;
    let mut table = Table::new(&["FILE", ">FRAME", "TIME", "FROM", "FRAME", "DEVICE", "RULE"]);
    for example in &of.first {
        let Example {
            file,
            frame,
            time: moment,
            side,
            summary,
            device,
            rule,
        } = example.clone();
        table.row([
            file,
            frame.to_string(),
            moment.map(|moment| time(&moment)).unwrap_or_default(),
            side.to_owned(),
            summary,
            device.unwrap_or_default(),
            rule.unwrap_or_default(),
        ]);
    }
    output.table(table, "")
}

/// What is wrong with the captures or with the engines, to standard error.
pub(super) fn complain(report: &Report, output: &Output) -> Result<(), Stop> {
    for file in &report.files {
        if file.error.is_none() && file.frames == 0 {
            output.warn(&format!("{}: there is no frame in it", file.file))?;
        }
    }
    let unjudged = |file: &str| {
        let mut files = report.files.iter().filter(|of| of.file == file);
        files.any(|of| of.frames > 0 && of.error.as_ref().is_some_and(|error| error.byte == 0))
    };
    for of in &report.skipped {
        // Told as the file's error already.
        if unjudged(&of.file) {
            continue;
        }
        let interface = match of.interface.as_str() {
            "" => String::new(),
            name => format!(", interface {name}"),
        };
        output.warn(&format!(
            "{}{interface}: {} frames were not judged: {}",
            of.file,
            count(of.frames),
            of.why
        ))?;
    }
    let notes = [
        (
            report.frames.cut_short,
            "were cut short in the capture, and judged as they are",
        ),
        (
            report.frames.out_of_order,
            "are of an earlier time than one before them; the clock did not go back",
        ),
        (
            report.frames.without_time,
            "have no time that can be; they were judged at that of the frame before",
        ),
    ];
    for (frames, what) in notes {
        if frames > 0 {
            output.warn(&format!("{} frames {what}", count(frames)))?;
        }
    }
    for file in &report.files {
        let Some(error) = &file.error else { continue };
        let place = match error.frame {
            Some(frame) => format!(", frame {frame}, at byte {}", error.byte),
            None if error.byte > 0 => format!(", at byte {}", error.byte),
            None => String::new(),
        };
        let judged = match file.frames {
            0 => String::new(),
            frames => format!(" (the {} frames before are in the report)", count(frames)),
        };
        fault(
            &format!("{}{place}: {}{judged}", file.file, error.message),
            output,
        )?;
    }
    if let Some(agreement) = report.agreement.as_ref().filter(|of| of.differing > 0) {
        fault(
            &format!(
                "the engines differ on {} frames: this is a fault of the enforcer; please report it with",
                count(agreement.differing)
            ),
            output,
        )?;
        for difference in &agreement.first {
            let found = difference.found.iter().map(|found| {
                format!(
                    "{}: {} ({}): {}",
                    found.engine, found.fate, found.reason, found.details
                )
            });
            let found: Vec<_> = found.collect();
            writeln!(
                stderr(),
                "  {}, frame {}, {}\n    {}",
                difference.file,
                difference.frame,
                difference.summary,
                found.join("\n    ")
            )?;
        }
    }
    Ok(())
}

fn fault(text: &str, output: &Output) -> Result<(), Stop> {
    Ok(writeln!(
        stderr(),
        "{} {text}",
        output.style_stderr("error:", Style::Bad)
    )?)
}
