//! From a rule to a signature.

use crate::policy::compile::signatures::{self as tables, Unfit};
use crate::policy::signature::{Begin, Signature};

use super::ends::ends;
use super::header::{Protocol, header};
use super::lexer::Rule;
use super::options::options;
use super::parts::{Found, parts};
use super::refusal::{Refusal, refuse};

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lowered {
    pub(super) sid: u32,
    pub(super) signature: Signature,
    pub(super) narrowed: bool,
}

/// # Errors
/// By the first field of the header, or else the first keyword, that cannot be carried
/// over; or else by what is wrong with all of them together, or not for the tables.
pub(super) fn lower(rule: &Rule<'_>) -> Result<Lowered, Refusal> {
    let header = header(rule)?;
    let options = options(&rule.keywords, header.protocol)?;
    if options.flags.is_some() && !options.has_content() {
        let why = "a segment is looked at for the data that it bears, not for its flags alone";
        return Err(refuse("flags", why));
    }
    let about = options.about;
    let severity = about.severity();
    let sid = about.sid.ok_or_else(|| refuse("sid", "there is none"))?;
    let (sender, services) = ends(&header, options.flow.unwrap_or_default())?;
    let Found {
        parts,
        absent,
        ends,
        placed,
        narrowed,
    } = parts(options.conditions)?;
    // Rules that ask for anything of a segment are asked of segments alone
    // (`SIG_FLAG_REQUIRE_PACKET` in detect-parse.c).
    let segments = header.protocol == Protocol::Segment
        || header.protocol != Protocol::Udp
            && (options.length.is_some() || options.flags.is_some());
    // Of others, Suricata counts from the beginning of a segment or of a piece of the stream,
    // which the sender can choose; what a sender says when it is its turn, it cannot.
    let turns = placed && header.protocol != Protocol::Udp && !segments;
    let partly = header.protocol == Protocol::Ip;
    let name = format!("sid-{sid}");
    let signature = Signature {
        message: about.message.unwrap_or_else(|| name.clone()),
        references: about.references,
        severity,
        action: header.action,
        sender,
        begin: match (segments, turns) {
            (true, _) => Begin::Segment,
            (false, true) => Begin::Turn,
            (false, false) => Begin::Connection,
        },
        tcp_flags: options.flags.unwrap_or_default(),
        absent,
        length: options.length,
        ends,
        threshold: options.threshold,
        ..Signature::of(name, sid, services, parts)
    };
    tables::lower(&signature).map_err(unfit)?;
    Ok(Lowered {
        sid,
        signature,
        narrowed: narrowed || turns || partly,
    })
}

fn unfit(unfit: Unfit) -> Refusal {
    let keyword = match unfit {
        Unfit::Parts(_) => "parts",
        Unfit::Jump => "byte_jump",
        Unfit::Span(_) | Unfit::Back(_) => "span",
        Unfit::NoBytes | Unfit::Empty => "no content",
        Unfit::Absent(_) => "content:!",
        Unfit::Unplaced | Unfit::Reversed | Unfit::Nowhere => "place",
    };
    refuse(keyword, unfit.to_string())
}
