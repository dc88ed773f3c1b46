//! Load in both directions: streams that `policies/ward.yaml` allows and streams
//! that it refuses, side by side on the same ways.

use std::time::Duration;

use anyhow::Result;

use crate::{
    lab::Lab,
    traffic::{
        Stream, Tally,
        stream::{
            self,
            Expected::{Arrives, Refused},
        },
    },
    wait,
};

const PROGRESS_DEADLINE: Duration = Duration::from_secs(30);
const LAST_DEADLINE: Duration = Duration::from_secs(2);

/// Four running streams.
#[derive(Debug)]
pub struct Load {
    allowed: Vec<Stream>,
    refused: Vec<Stream>,
}

/// What became of the datagrams of all streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    pub allowed: Tally,
    pub refused: Tally,
}

impl Load {
    pub fn start(lab: &Lab) -> Result<Self> {
        Self::start_at(lab, stream::PER_MILLISECOND)
    }

    /// With this many datagrams a millisecond in each of the four streams.
    pub fn start_at(lab: &Lab, rate: u64) -> Result<Self> {
        let monitor = lab.endpoint("monitor-1")?;
        let stream = |from: &str, to: &str, port, expected| {
            Stream::start(lab.endpoint(from)?, lab.endpoint(to)?, port, expected, rate)
        };
        Ok(Self {
            allowed: vec![
                stream(&monitor.name, "ntp", 123, Arrives)?,
                stream("central-station", &monitor.name, 24105, Arrives)?,
            ],
            refused: vec![
                stream(&monitor.name, "engine", 9999, Refused)?,
                stream("intruder", &monitor.name, 9999, Refused)?,
            ],
        })
    }

    /// Waits until every stream has sent this many more datagrams.
    pub fn go_on(&self, datagrams: u64) -> Result<()> {
        for stream in self.allowed.iter().chain(&self.refused) {
            let goal = stream.sent() + datagrams;
            wait::until("a stream goes on", PROGRESS_DEADLINE, || {
                Ok((stream.sent() >= goal).then_some(()))
            })?;
        }
        Ok(())
    }

    /// Refused datagrams that have arrived so far.
    pub fn leaked(&self) -> u64 {
        self.refused.iter().map(Stream::received).sum()
    }

    pub fn finish(self) -> Result<Outcome> {
        // The allowed streams go on for longer, and so push the last of the
        // refused ones through.
        for stream in &self.refused {
            stream.pause();
        }
        for stream in &self.allowed {
            let sent = stream.sent();
            wait::poll(LAST_DEADLINE, || Ok((stream.next() > sent).then_some(())))?;
        }
        Ok(Outcome {
            refused: total(self.refused)?,
            allowed: total(self.allowed)?,
        })
    }
}

impl Outcome {
    pub fn lost(&self) -> u64 {
        self.allowed.sent.saturating_sub(self.allowed.received)
    }

    pub fn leaked(&self) -> u64 {
        self.refused.received
    }
}

fn total(streams: Vec<Stream>) -> Result<Tally> {
    let mut total = Tally {
        sent: 0,
        received: 0,
    };
    for stream in streams {
        let tally = stream.finish()?;
        total.sent += tally.sent;
        total.received += tally.received;
    }
    Ok(total)
}
