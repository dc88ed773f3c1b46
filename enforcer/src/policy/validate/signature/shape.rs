//! What is asked of a datagram or a segment as such: its length, its end, its flags.

use crate::policy::findings::Findings;
use crate::policy::lenient::Scalar;
use crate::policy::model::Service;
use crate::policy::place::Here;
use crate::policy::raw::{self, Keys as _};
use crate::policy::signature::{Begin, TCP_FLAGS, TcpFlags};
use crate::policy::validate::distance::{From, distances};
use crate::policy::validate::scalar::{choice, each, is_mapping, switch};

/// Bytes of a datagram or a segment: a number, or a range.
pub(super) fn length(
    value: Option<&Scalar>,
    whole: bool,
    here: &Here<'_>,
    findings: &mut Findings,
) -> Option<(u16, u16)> {
    let value = value?;
    is_whole(whole, here, findings);
    let (least, most) = distances(value, From::Beginning, here, findings)?;
    let most = most.unwrap_or(u16::MAX.into());
    match (u16::try_from(least), u16::try_from(most)) {
        (Ok(least), Ok(most @ 1..)) => Some((least, most)),
        _ => {
            findings.error(here, "a datagram has 1 to 65535 bytes");
            None
        }
    }
}

pub(super) fn ends(
    value: Option<&Scalar>,
    whole: bool,
    here: &Here<'_>,
    findings: &mut Findings,
) -> bool {
    let Some(value) = value else { return false };
    let ends = switch(value, here, findings) == Some(true);
    if ends {
        is_whole(whole, here, findings);
    }
    ends
}

/// What is looked for in a stream knows no length and no end.
fn is_whole(whole: bool, here: &Here<'_>, findings: &mut Findings) {
    if !whole {
        findings.error(
            here,
            "only datagrams, of `udp` alone, have a length and an end, and segments, with `begin: segment`",
        );
    }
}

pub(super) fn tcp_flags(
    raw: Option<&raw::TcpFlags>,
    services: &[Service],
    begin: Begin,
    here: &Here<'_>,
    findings: &mut Findings,
) -> TcpFlags {
    let mut asked = TcpFlags::default();
    let here = here.key("tcp_flags");
    let Some(raw) = raw.filter(|raw| is_mapping(&raw.odd, raw::TcpFlags::KEYS, &here, findings))
    else {
        return asked;
    };
    let before = findings.errors();
    for (key, words, bits) in [
        ("set", &raw.set, &mut asked.set),
        ("clear", &raw.clear, &mut asked.clear),
        ("any", &raw.any, &mut asked.any),
    ] {
        let Some(words) = words else { continue };
        each(words, &here.key(key), |value, here| {
            *bits |= choice(value, TCP_FLAGS, here, findings).unwrap_or_default();
        });
    }
    let is_tcp = |service: &Service| matches!(service, Service::Tcp(..));
    if begin != Begin::Segment || !services.iter().all(is_tcp) {
        findings
            .error(&here, "only segments, of `tcp` alone, have flags")
            .suggest(|| Some("write `begin: segment`".to_owned()));
    }
    if asked.set & asked.clear != 0 {
        findings.error(&here, "a flag cannot be set and clear");
    }
    if asked == TcpFlags::default() && findings.errors() == before {
        let reported = findings.error(&here, "no flag is named");
        reported.suggest(|| Some("such as `set: [psh, ack]`".to_owned()));
    }
    asked
}
