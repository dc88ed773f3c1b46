//! The conditions of a rule as parts that hang on one another, but in another way: a part
//! counts from the end of the part before, be it bytes or a number; a condition counts
//! from the end of the last content.

use crate::policy::signature::{Absent, Compare, Number, Part, What};

use super::byte_jump::ByteJump;
use super::byte_test::ByteTest;
use super::options::{Condition, Content};
use super::refusal::{Refusal, refuse};

/// Parts that hang on one another.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// Counts from the beginning.
    pub(super) head: Part,
    /// Each counts from the part before.
    pub(super) others: Vec<Part>,
    /// What must not be there, behind a part of the run by its place in it.
    pub(super) absent: Vec<Absent>,
    /// Place in it of the part that ends the payload.
    pub(super) ends: Option<usize>,
}

/// Runs of parts, in the order of the rule.
///
/// # Errors
/// `no content`, or a keyword whose place is before the beginning.
pub(super) fn runs(conditions: Vec<Condition>) -> Result<Vec<Run>, Refusal> {
    let mut runs = Runs {
        runs: Vec::new(),
        last: None,
    };
    for condition in conditions {
        match condition {
            Condition::Content(content) => runs.content(content)?,
            Condition::ByteTest(test) => runs.byte_test(test)?,
            Condition::ByteJump(jump) => runs.byte_jump(jump)?,
            Condition::Data(distance) => runs.data(distance)?,
        }
    }
    if runs.last.is_none() {
        return Err(refuse("no content", "a signature needs bytes to look for"));
    }
    Ok(runs.runs)
}

struct Runs {
    runs: Vec<Run>,
    last: Option<LastContent>,
}

/// Where the next relative condition counts from: a content, or where a jump leads.
#[derive(Clone, Copy)]
struct LastContent {
    run: usize,
    /// Place of that content in the run.
    place: usize,
    /// Bytes from the end of that content to the end of the run.
    ahead: i32,
}

impl Runs {
    /// The window for a relative content reaches from `distance` to `distance + within`,
    /// both from the end of the content before, and holds all of its bytes; without a
    /// content before, that is the beginning
    /// (`DetectEngineContentInspectionInternal` in detect-engine-content-inspection.c).
    /// `depth` counts from `offset` (`DetectDepthSetup` in detect-depth.c).
    fn content(&mut self, content: Content) -> Result<(), Refusal> {
        let length = i32::try_from(content.bytes.len()).unwrap_or(i32::MAX);
        let window = |first: i32, bytes: Option<i32>| {
            let last = bytes.map(|bytes| first.saturating_add(bytes).saturating_sub(length));
            (first, last)
        };
        let is_relative = content.distance.is_some() || content.within.is_some();
        let (first, last) = if is_relative {
            window(content.distance.unwrap_or(0), content.within)
        } else {
            window(content.offset.unwrap_or(0), content.depth)
        };
        if content.negated {
            return self.absent(content, first, last);
        }
        let ends = content.ends;
        let what = What::Bytes {
            bytes: content.bytes,
            nocase: content.nocase,
        };
        if is_relative && self.last.is_some() {
            self.hang(what, first, last);
            self.last = self.last.map(|last| LastContent {
                place: self.runs.get(last.run).map_or(0, |run| run.others.len()),
                ahead: 0,
                ..last
            });
            self.note_end(ends);
            return Ok(());
        }
        let keyword = match (content.distance, content.within) {
            (None, None) => "content",
            (Some(_), _) => "distance",
            (None, Some(_)) => "within",
        };
        self.last = Some(LastContent {
            run: self.runs.len(),
            place: 0,
            ahead: 0,
        });
        self.begin(keyword, what, first.max(0), last)?;
        self.note_end(ends);
        Ok(())
    }

    /// The last content ends the payload.
    fn note_end(&mut self, ends: bool) {
        if let Some(last) = self.last.filter(|_| ends)
            && let Some(run) = self.runs.get_mut(last.run)
        {
            run.ends = Some(last.place);
        }
    }

    /// Bytes that must not be in a window behind the last content, which moves nothing on.
    fn absent(&mut self, content: Content, first: i32, last: Option<i32>) -> Result<(), Refusal> {
        let is_relative = content.distance.is_some() || content.within.is_some();
        let Some(before) = self.last.filter(|_| is_relative) else {
            return Err(refuse(
                "content:! (absolute)",
                "what must not be there stands behind what is",
            ));
        };
        let Some(last) = last else {
            return Err(refuse(
                "content:! (unbounded)",
                "nobody knows what a stream will never bear",
            ));
        };
        if content.ends {
            return Err(refuse(
                "endswith",
                "what is not there does not end anything",
            ));
        }
        if let Some(run) = self.runs.get_mut(before.run) {
            run.absent.push(Absent {
                bytes: content.bytes,
                nocase: content.nocase,
                behind: before.place,
                first,
                last,
            });
        }
        Ok(())
    }

    /// A byte, whichever, at a distance from the end of the last content.
    fn data(&mut self, distance: i32) -> Result<(), Refusal> {
        let any = What::Number(Number {
            width: 1,
            little_endian: false,
            mask: 0,
            compare: Compare::Equal,
            value: 0,
        });
        let Some(last) = self.last else {
            return Err(refuse("isdataat", "no content is before it"));
        };
        self.hang(any, distance, Some(distance));
        let ahead = distance.saturating_add(1);
        self.last = Some(LastContent { ahead, ..last });
        Ok(())
    }

    fn byte_test(&mut self, test: ByteTest) -> Result<(), Refusal> {
        let what = What::Number(test.number);
        let width = i32::from(test.number.width);
        let Some(last) = self.last.filter(|_| test.relative) else {
            return self.begin("byte_test", what, test.offset, Some(test.offset));
        };
        self.hang(what, test.offset, Some(test.offset));
        let ahead = test.offset.saturating_add(width);
        self.last = Some(LastContent { ahead, ..last });
        Ok(())
    }

    /// What follows counts from where it leads.
    fn byte_jump(&mut self, jump: ByteJump) -> Result<(), Refusal> {
        let what = What::Jump(jump.jump);
        let place = (jump.offset, Some(jump.offset));
        match self.last.filter(|_| jump.relative) {
            Some(last) => {
                self.hang(what, place.0, place.1);
                let place = self.runs.get(last.run).map_or(0, |run| run.others.len());
                self.last = Some(LastContent {
                    place,
                    ahead: 0,
                    ..last
                });
            }
            None => {
                self.last = Some(LastContent {
                    run: self.runs.len(),
                    place: 0,
                    ahead: 0,
                });
                self.begin("byte_jump", what, place.0, place.1)?;
            }
        }
        Ok(())
    }

    /// Adds a part at places from the end of the last content.
    fn hang(&mut self, what: What, first: i32, last: Option<i32>) {
        let Some(LastContent { run, ahead, .. }) = self.last else {
            return;
        };
        if let Some(run) = self.runs.get_mut(run) {
            run.others.push(Part {
                what,
                relative: true,
                first: first.saturating_sub(ahead),
                last: last.map(|last| last.saturating_sub(ahead)),
            });
        }
    }

    /// Adds a part at places from the beginning.
    fn begin(
        &mut self,
        keyword: &str,
        what: What,
        first: i32,
        last: Option<i32>,
    ) -> Result<(), Refusal> {
        if first < 0 || last.is_some_and(|last| last < first) {
            return Err(refuse(keyword, "its place is before the beginning"));
        }
        let head = Part {
            what,
            relative: false,
            first,
            last,
        };
        self.runs.push(Run {
            head,
            others: Vec::new(),
            absent: Vec::new(),
            ends: None,
        });
        Ok(())
    }
}
