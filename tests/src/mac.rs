//! A MAC address as people and tools write it.

use std::{fmt, str::FromStr};

use anyhow::{Context, Result, ensure};

/// Six octets; printed and parsed as `02:00:00:00:10:01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    pub const BROADCAST: Mac = Mac([0xff; 6]);
}

impl fmt::Display for Mac {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, f] = self.0;
        write!(out, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
    }
}

impl FromStr for Mac {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut octets = [0; 6];
        let mut parts = text.split(':');
        for octet in &mut octets {
            let part = parts
                .next()
                .with_context(|| format!("{text:?} is too short for a MAC address"))?;
            *octet = u8::from_str_radix(part, 16)
                .with_context(|| format!("{part:?} in {text:?} is no octet"))?;
        }
        ensure!(
            parts.next().is_none(),
            "{text:?} is too long for a MAC address"
        );
        Ok(Mac(octets))
    }
}
