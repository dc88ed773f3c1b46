//! `history`: who changed what, and the policies of the past.

use clap::{Args, Subcommand};
use enforcer::control::api::{ChangeSummary, Changes, HistoryEntry, HistoryText};
use enforcer::control::client::Client;
use enforcer::policy::source::{Bundle, File};

use crate::exit::Stop;
use crate::policy;
use crate::render::{Output, Style, Styled, Table, time};

/// Digits of a hash that people compare.
const HASH: usize = 12;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Asked {
    /// The last so many
    #[arg(short = 'n', value_name = "N", default_value_t = 20)]
    last: u32,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the policy of a row
    Show { row: i64 },
    /// Say what changed from the policy of one row to that of another
    Diff { from: i64, to: i64 },
}

pub(crate) async fn run(asked: Asked, client: &Client, output: &Output) -> Result<(), Stop> {
    match asked.what {
        None => list(asked.last, client, output).await,
        Some(What::Show { row }) => show(row, client, output).await,
        Some(What::Diff { from, to }) => {
            let changes: Changes = client.get(&format!("/v1/history/{from}/diff/{to}")).await?;
            if output.is_json() {
                return output.json(&changes);
            }
            policy::show_changes(
                &changes.changes,
                "Nothing: these policies are the same.",
                output,
            )
        }
    }
}

async fn list(last: u32, client: &Client, output: &Output) -> Result<(), Stop> {
    let entries: Vec<HistoryEntry> = client.get(&format!("/v1/history?limit={last}")).await?;
    if output.is_json() {
        return output.json(&entries);
    }
    let mut table = Table::new(&[
        ">ROW", "", "TIME", "WHO", "ACTION", "POLICY", "CHANGES", "ABOUT",
    ]);
    for entry in entries {
        let style = match entry.action.as_str() {
            "refused" | "expire" => Style::Bad,
            "break-glass" | "quarantine" | "accept-clock" => Style::Doubtful,
            _ => Style::Plain,
        };
        let about = [entry.subject, entry.note];
        let about: Vec<String> = about.into_iter().flatten().collect();
        table.row([
            entry.id.to_string().into(),
            Styled::new(if entry.in_force { "*" } else { "" }, Style::Good),
            time(&entry.time).into(),
            entry.author.user.into(),
            Styled::new(entry.action, style),
            entry
                .hash
                .map_or_else(String::new, |hash| short(&hash).to_owned())
                .into(),
            entry
                .changes
                .map_or_else(String::new, |changes| counts(&changes))
                .into(),
            about.join(": ").into(),
        ]);
    }
    output.table(table, "Nothing has happened yet.")
}

async fn show(row: i64, client: &Client, output: &Output) -> Result<(), Stop> {
    let text: HistoryText = client.get(&format!("/v1/history/{row}")).await?;
    if output.is_json() {
        return output.json(&text);
    }
    if let Some((share, before)) = &text.canary {
        let note = format!("# A canary for {share}. For all other devices:\n");
        output.raw(note.as_bytes())?;
        files(before, output)?;
        output.raw(b"# For the canary:\n")?;
    }
    files(&text.bundle, output)
}

/// The main file as it is; of included ones the name stands before.
fn files(bundle: &Bundle, output: &Output) -> Result<(), Stop> {
    output.raw(bundle.main.text.as_bytes())?;
    for File { path, text } in &bundle.included {
        output.raw(format!("# {path}\n").as_bytes())?;
        output.raw(text.as_bytes())?;
    }
    Ok(())
}

pub(crate) fn short(hash: &str) -> &str {
    hash.get(..HASH).unwrap_or(hash)
}

/// `+2 -1 ~3`.
fn counts(changes: &ChangeSummary) -> String {
    let parts = [
        ('+', changes.added),
        ('-', changes.removed),
        ('~', changes.changed),
    ];
    let parts = parts.into_iter().filter(|(_, count)| *count > 0);
    let parts: Vec<String> = parts
        .map(|(sign, count)| format!("{sign}{count}"))
        .collect();
    if parts.is_empty() {
        "none".to_owned()
    } else {
        parts.join(" ")
    }
}
