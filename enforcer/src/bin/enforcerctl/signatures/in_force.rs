//! The signatures of the policy in force: what they look for, and what was found.

use enforcer::control::api::{Signature, Signatures};
use enforcer::control::client::Client;
use enforcer::policy::describe;
use enforcer::policy::signature::Severity;

use crate::exit::Stop;
use crate::render::{Output, Style, Styled, Table, bytes, count};

/// Names of a group that a table shows.
const NAMED: usize = 4;

pub(super) async fn list(client: &Client, output: &Output) -> Result<(), Stop> {
    let all: Signatures = client.get("/v1/signatures").await?;
    if output.is_json() {
        return output.json(&all.signatures);
    }
    let mut table = Table::new(&[
        "SIGNATURE",
        ">ID",
        "SEVERITY",
        "ACTION",
        "FROM",
        "SERVICES",
        ">PACKETS",
    ]);
    for signature in &all.signatures {
        table.row([
            signature.name.clone().into(),
            signature.id.to_string().into(),
            Styled::new(
                describe::severity(signature.severity),
                style(signature.severity),
            ),
            describe::action(signature.action).to_owned().into(),
            signature.from.clone().into(),
            signature.services.join(", ").into(),
            count(signature.packets).into(),
        ]);
    }
    output.table(table, "The policy in force has no signatures.")
}

pub(super) async fn show(name: &str, client: &Client, output: &Output) -> Result<(), Stop> {
    let all: Signatures = client.get("/v1/signatures").await?;
    let is_it = |of: &&Signature| of.name == name || of.id.to_string() == name;
    let Some(signature) = all.signatures.iter().find(is_it) else {
        return Err(Stop::Failed(format!(
            "the policy in force has no signature {name}: `enforcerctl signatures list` lists them"
        )));
    };
    if output.is_json() {
        return output.json(signature);
    }
    let mut facts = Table::new(&["", ""]);
    let mut fact =
        |name: &str, text: String| facts.row([Styled::new(name, Style::Faint), text.into()]);
    fact("name", format!("{}, {}", signature.name, signature.id));
    if !signature.message.is_empty() {
        fact("message", signature.message.clone());
    }
    for reference in &signature.references {
        fact("reference", reference.clone());
    }
    fact(
        "on a hit",
        format!(
            "{}, severity {}",
            describe::action(signature.action),
            describe::severity(signature.severity)
        ),
    );
    let sender = match signature.from.as_str() {
        "either" => "either end".to_owned(),
        from => format!("the {from}"),
    };
    fact(
        "looked for",
        format!(
            "in what {sender} sends, by {}",
            signature.services.join(", ")
        ),
    );
    let profiles = match signature.profiles.as_slice() {
        [] => "all profiles".to_owned(),
        profiles => profiles.join(", "),
    };
    fact("for", profiles);
    if !signature.tags.is_empty() {
        fact("tags", signature.tags.join(", "));
    }
    fact("find", signature.find.clone());
    fact("found in", format!("{} packets", count(signature.packets)));
    output.table(facts, "")
}

pub(super) async fn stats(client: &Client, output: &Output) -> Result<(), Stop> {
    let all: Signatures = client.get("/v1/signatures").await?;
    if output.is_json() {
        return output.json(&all.groups);
    }
    let mut table = Table::new(&[">SIGNATURES", ">STATES", ">BYTES", "FILTER", "WHICH"]);
    for group in &all.groups {
        let names = group.signatures.iter().take(NAMED).cloned();
        let mut names = names.collect::<Vec<_>>().join(", ");
        if group.signatures.len() > NAMED {
            names += ", …";
        }
        let filter = if group.filtered {
            Styled::new("yes", Style::Good)
        } else {
            Styled::new("no", Style::Doubtful)
        };
        table.row([
            count(group.signatures.len() as u64).into(),
            count(group.states as u64).into(),
            bytes(group.bytes as u64).into(),
            filter,
            names.into(),
        ]);
    }
    output.table(table, "The policy in force has no signatures.")?;
    output.hint(
        "a group without a filter walks through every byte: a pattern of it is short, or common",
    );
    Ok(())
}

fn style(severity: Severity) -> Style {
    match severity {
        Severity::Info | Severity::Low => Style::Faint,
        Severity::Medium => Style::Doubtful,
        Severity::High | Severity::Critical => Style::Bad,
    }
}
