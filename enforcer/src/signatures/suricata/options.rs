//! The options of a rule, read in order: what it looks for, whose bytes, and what it
//! tells of.

use crate::policy::signature::{TcpFlags, Threshold};

use super::about::About;
use super::byte_jump::{ByteJump, byte_jump};
use super::byte_test::{ByteTest, byte_test};
use super::content::bytes;
use super::flags::flags;
use super::flow::{Flow, flow};
use super::header::Protocol;
use super::length::{data_at, dsize};
use super::lexer::Keyword;
use super::refusal::{Refusal, refuse};
use super::threshold::{detection_filter, threshold};

/// Bytes that a place may be away from what it is counted from.
const FARTHEST: i32 = u16::MAX as i32;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) about: About,
    pub(super) flow: Option<Flow>,
    /// Bytes of a datagram or a segment, at least and at most.
    pub(super) length: Option<(u16, u16)>,
    pub(super) flags: Option<TcpFlags>,
    /// How often it must be met.
    pub(super) threshold: Option<Threshold>,
    has_threshold: bool,
    /// In the order in which they are written.
    pub(super) conditions: Vec<Condition>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Content(Content),
    ByteTest(ByteTest),
    ByteJump(ByteJump),
    /// A byte at a distance from the end of the content before.
    Data(i32),
}

/// Bytes, and where they stand: from the beginning, from the end of the content before,
/// or anywhere; never both of the first two.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Content {
    /// Never none.
    pub(super) bytes: Vec<u8>,
    /// Whether it must not be there.
    pub(super) negated: bool,
    /// Whether nothing comes behind it.
    pub(super) ends: bool,
    pub(super) nocase: bool,
    pub(super) offset: Option<i32>,
    /// Never less than the bytes' length.
    pub(super) depth: Option<i32>,
    pub(super) distance: Option<i32>,
    /// Never less than the bytes' length.
    pub(super) within: Option<i32>,
}

/// # Errors
/// By the first keyword that cannot be carried over.
pub(super) fn options(keywords: &[Keyword<'_>], protocol: Protocol) -> Result<Options, Refusal> {
    let mut options = Options::default();
    for keyword in keywords {
        options.read(*keyword, protocol)?;
    }
    Ok(options)
}

impl Options {
    fn read(&mut self, keyword: Keyword<'_>, protocol: Protocol) -> Result<(), Refusal> {
        match keyword.name {
            "flow" => {
                let before = self.flow.replace(flow(keyword, protocol)?);
                if before.is_some() {
                    return Err(keyword.refuse("there are two of them"));
                }
            }
            "content" => {
                let content = content(keyword)?;
                self.conditions.push(Condition::Content(content));
            }
            "byte_test" => {
                let test = byte_test(keyword)?;
                self.conditions.push(Condition::ByteTest(test));
            }
            "byte_jump" => {
                let jump = byte_jump(keyword)?;
                self.conditions.push(Condition::ByteJump(jump));
            }
            "endswith" if matches!(protocol, Protocol::Tcp | Protocol::Ip) => {
                return Err(refuse("endswith (tcp)", "a stream has no end"));
            }
            "nocase" | "offset" | "depth" | "startswith" | "distance" | "within"
            | "fast_pattern" | "endswith" => {
                let content = self.last_content();
                let content = content.ok_or_else(|| keyword.refuse("no content is before it"))?;
                content.modify(keyword)?;
            }
            "isdataat" => self.conditions.push(Condition::Data(data_at(keyword)?)),
            "dsize" => {
                let before = self.length.replace(dsize(keyword)?);
                if before.is_some() {
                    return Err(keyword.refuse("there are two of them"));
                }
            }
            "flags" | "tcp.flags" => {
                let before = self.flags.replace(flags(keyword, protocol)?);
                if before.is_some() {
                    return Err(keyword.refuse("there are two of them"));
                }
            }
            "threshold" | "detection_filter" => {
                let counted = match keyword.name {
                    "threshold" => threshold(keyword)?,
                    _ => Some(detection_filter(keyword)?),
                };
                if std::mem::replace(&mut self.has_threshold, true) {
                    return Err(keyword.refuse("there are two of them"));
                }
                self.threshold = counted;
            }
            _ if self.about.read(keyword)? => {}
            _ => return Err(keyword.refuse("this keyword is not supported")),
        }
        Ok(())
    }

    /// Whether any bytes are looked for.
    pub(super) fn has_content(&self) -> bool {
        let mut conditions = self.conditions.iter();
        conditions.any(|condition| matches!(condition, Condition::Content(_)))
    }

    fn last_content(&mut self) -> Option<&mut Content> {
        let mut latest = self.conditions.iter_mut().rev();
        latest.find_map(|condition| match condition {
            Condition::Content(content) => Some(content),
            Condition::ByteTest(_) | Condition::ByteJump(_) | Condition::Data(_) => None,
        })
    }
}

fn content(keyword: Keyword<'_>) -> Result<Content, Refusal> {
    let (negated, keyword) = match keyword.value()?.strip_prefix('!') {
        Some(rest) => {
            let value = Some(rest.trim_start());
            (true, Keyword { value, ..keyword })
        }
        None => (false, keyword),
    };
    let bytes = bytes(keyword.quoted()?).map_err(|why| keyword.refuse(why))?;
    Ok(Content {
        bytes,
        negated,
        ..Content::default()
    })
}

impl Content {
    fn modify(&mut self, keyword: Keyword<'_>) -> Result<(), Refusal> {
        let length = i32::try_from(self.bytes.len()).unwrap_or(i32::MAX);
        match keyword.name {
            "nocase" => {
                keyword.bare()?;
                self.nocase = true;
            }
            "endswith" => {
                keyword.bare()?;
                self.ends = true;
            }
            // A hint for Suricata's search, not a condition.
            "fast_pattern" => {
                if !keyword.value.is_none_or(is_chop) {
                    return Err(keyword.refuse("neither `only` nor a part of the content"));
                }
            }
            "distance" => {
                let number = keyword.number(-FARTHEST, FARTHEST)?;
                self.relative(keyword)?;
                once(self.distance.replace(number), keyword)?;
            }
            "within" => {
                let number = keyword.number(length, FARTHEST)?;
                self.relative(keyword)?;
                once(self.within.replace(number), keyword)?;
            }
            _ => self.absolute(keyword, length)?,
        }
        Ok(())
    }

    fn relative(&self, keyword: Keyword<'_>) -> Result<(), Refusal> {
        if self.offset.is_some() || self.depth.is_some() {
            return Err(keyword.refuse("the place is counted from the beginning already"));
        }
        Ok(())
    }

    fn absolute(&mut self, keyword: Keyword<'_>, length: i32) -> Result<(), Refusal> {
        if self.distance.is_some() || self.within.is_some() {
            return Err(keyword.refuse("the place is counted from the content before already"));
        }
        match keyword.name {
            "offset" => once(self.offset.replace(keyword.number(0, FARTHEST)?), keyword),
            "depth" => {
                let depth = keyword.number(length, FARTHEST)?;
                once(self.depth.replace(depth), keyword)
            }
            "startswith" => {
                keyword.bare()?;
                once(
                    self.offset.replace(0).or(self.depth.replace(length)),
                    keyword,
                )
            }
            _ => Err(keyword.refuse("this keyword is not supported")),
        }
    }
}

fn once(before: Option<i32>, keyword: Keyword<'_>) -> Result<(), Refusal> {
    match before {
        None => Ok(()),
        Some(_) => Err(keyword.refuse("the place is said already")),
    }
}

/// `only`, or an offset and a length.
fn is_chop(value: &str) -> bool {
    let is_number = |text: &str| text.trim().parse::<u16>().is_ok();
    value == "only"
        || value
            .split_once(',')
            .is_some_and(|(offset, length)| is_number(offset) && is_number(length))
}
