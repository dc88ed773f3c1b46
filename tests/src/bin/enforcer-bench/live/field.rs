//! The field: all tracks and all contenders, each set up as far as what it needs is there.
//! What is not is left out by name.

use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use enforcer_tests::live::{Generator, bare};

use super::contender::{self, Contender, How};
use super::firewall::Firewall;
use super::loads::{Load, devices};
use super::report::Report;
use super::signatures::{Rules, pattern};
use super::suricata::Suricata;
use super::track::Track;
use super::xdp_filter;

pub(super) struct Field {
    pub(super) contenders: Vec<Contender>,
    /// The first has no rules of anybody.
    pub(super) tracks: Vec<Track>,
    pub(super) sink: bare::Sink,
    name: String,
}

impl Field {
    /// The first track, with nobody on it.
    pub(super) fn build(name: &str) -> Result<Self> {
        let sink = bare::Sink::load()?;
        Ok(Self {
            contenders: Vec::new(),
            tracks: vec![Track::build(name, 0, &sink)?],
            sink,
            name: name.to_owned(),
        })
    }

    pub(super) fn enter_all(&mut self, rules: &Rules, report: &mut Report) -> Result<()> {
        self.contenders = contender::plain(&self.tracks[0])?;
        for (firewall, loads) in contender::firewalls() {
            let name = firewall.name();
            let entered = self.enter_firewall(firewall, loads);
            leave_out(entered, &name, report);
        }
        let entered = self.enter_xdp_filter();
        leave_out(entered, "xdp-filter", report);
        let entered = self.enter_suricata(rules);
        leave_out(entered, contender::SURICATA, report);
        if !rules.own {
            // What they look for is not known here.
            report.skip("looked into, forced", "for the bench's own rules alone");
            for contender in &mut self.contenders {
                contender
                    .loads
                    .retain(|load| !matches!(load, Load::Inspected(_, true)));
            }
        }
        Ok(())
    }

    /// With its rules in force on a track of its own.
    fn enter_firewall(&mut self, firewall: Firewall, loads: Vec<Load>) -> Result<()> {
        if let Some((program, package)) = firewall.program() {
            installed(program, package)?;
        }
        let track = self.next_track(&firewall.name())?;
        firewall.load(track.namespace())?;
        self.enter(track, firewall.name(), How::Bridge, loads);
        Ok(())
    }

    fn enter_xdp_filter(&mut self) -> Result<()> {
        if !xdp_filter::installed() {
            bail!("not installed (Debian package xdp-tools)");
        }
        let pins = self.tracks[0].lab().bpffs();
        self.contenders.push(Contender {
            name: "xdp-filter, by MAC alone".to_owned(),
            track: 0,
            how: How::XdpFilter(xdp_filter::Filter::load(devices(), &pins)?),
            loads: vec![Load::Allowed(64, 1000), Load::Allowed(64, devices())],
        });
        Ok(())
    }

    /// In place of the bridge.
    fn enter_suricata(&mut self, rules: &Rules) -> Result<()> {
        installed("suricata", "suricata")?;
        let track = self.next_track(contender::SURICATA)?;
        let suricata = Suricata::start(&track, rules)?;
        if rules.own {
            let stream = Load::Inspected(64, false).streams();
            let generator = Generator::new(&stream, &pattern(0).into_bytes())?;
            suricata.ensure_drops(&track, generator.program(), generator.frame(), &self.sink)?;
        }
        let (how, loads) = (How::Suricata(suricata), contender::INSPECTED.to_vec());
        self.enter(track, contender::SURICATA.to_owned(), how, loads);
        Ok(())
    }

    fn next_track(&self, contender: &str) -> Result<Track> {
        eprintln!("bench: {contender}");
        Track::build(&self.name, self.tracks.len(), &self.sink)
    }

    fn enter(&mut self, track: Track, name: String, how: How, loads: Vec<Load>) {
        self.contenders.push(Contender {
            name,
            track: self.tracks.len(),
            how,
            loads,
        });
        self.tracks.push(track);
    }
}

fn leave_out(entered: Result<()>, name: &str, report: &mut Report) {
    if let Err(error) = entered {
        report.skip(name, format!("{error:#}"));
    }
}

/// An error that names the package of a program that is not there.
pub(super) fn installed(program: &str, package: &str) -> Result<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Not everybody's path leads where Debian keeps them.
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    let found = folders
        .into_iter()
        .any(|folder: PathBuf| folder.join(program).exists());
    ensure!(found, "not installed (Debian package {package})");
    Ok(())
}
