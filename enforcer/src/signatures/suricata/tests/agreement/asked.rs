//! Conditions of a rule, and how the rule writes them.

use std::fmt;

/// A condition of a rule.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    Content {
        bytes: Vec<u8>,
        nocase: bool,
        place: Place,
    },
    ByteTest {
        width: usize,
        negated: bool,
        operator: &'static str,
        value: u64,
        offset: i64,
        relative: bool,
        little: bool,
        bitmask: Option<u64>,
    },
    ByteJump {
        width: usize,
        offset: i64,
        relative: bool,
        little: bool,
        multiplier: Option<i64>,
        align: bool,
        from_beginning: bool,
        post_offset: Option<i64>,
    },
}

#[derive(Clone, Debug)]
pub(super) enum Place {
    Absolute {
        offset: Option<i64>,
        depth: Option<i64>,
    },
    Relative {
        distance: Option<i64>,
        within: Option<i64>,
    },
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let option = |f: &mut fmt::Formatter<'_>, name, value: &Option<i64>| match value {
            Some(value) => write!(f, "{name}:{value};"),
            None => Ok(()),
        };
        match self {
            Self::Content {
                bytes,
                nocase,
                place,
            } => {
                write!(f, "content:\"|")?;
                for byte in bytes {
                    write!(f, "{byte:02x}")?;
                }
                write!(f, "|\";{}", if *nocase { "nocase;" } else { "" })?;
                match place {
                    Place::Absolute { offset, depth } => {
                        option(f, "offset", offset)?;
                        option(f, "depth", depth)
                    }
                    Place::Relative { distance, within } => {
                        option(f, "distance", distance)?;
                        option(f, "within", within)
                    }
                }
            }
            Self::ByteTest {
                width,
                negated,
                operator,
                value,
                offset,
                relative,
                little,
                bitmask,
            } => {
                let negated = if *negated { "!" } else { "" };
                write!(f, "byte_test:{width},{negated}{operator},{value},{offset}")?;
                write!(f, "{}", if *relative { ",relative" } else { "" })?;
                write!(f, "{}", if *little { ",little" } else { "" })?;
                if let Some(bitmask) = bitmask {
                    write!(f, ",bitmask {bitmask:#x}")?;
                }
                write!(f, ";")
            }
            Self::ByteJump {
                width,
                offset,
                relative,
                little,
                multiplier,
                align,
                from_beginning,
                post_offset,
            } => {
                write!(f, "byte_jump:{width},{offset}")?;
                write!(f, "{}", if *relative { ",relative" } else { "" })?;
                write!(f, "{}", if *little { ",little" } else { "" })?;
                if let Some(multiplier) = multiplier {
                    write!(f, ",multiplier {multiplier}")?;
                }
                write!(f, "{}", if *align { ",align" } else { "" })?;
                let beginning = if *from_beginning {
                    ",from_beginning"
                } else {
                    ""
                };
                write!(f, "{beginning}")?;
                if let Some(post_offset) = post_offset {
                    write!(f, ",post_offset {post_offset}")?;
                }
                write!(f, ";")
            }
        }
    }
}
