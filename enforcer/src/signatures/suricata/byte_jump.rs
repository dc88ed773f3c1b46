//! `byte_jump:width,offset[,relative][,multiplier N][,big|little][,align][,from_beginning]
//! [,post_offset N]`, for integers in binary.

use crate::policy::signature::Jump;

use super::byte_test::signed;
use super::lexer::Keyword;
use super::refusal::Refusal;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ByteJump {
    pub(super) jump: Jump,
    /// From where the last condition leads if `relative`, else from the beginning.
    pub(super) offset: i32,
    pub(super) relative: bool,
}

/// # Errors
/// `byte_jump`.
pub(super) fn byte_jump(keyword: Keyword<'_>) -> Result<ByteJump, Refusal> {
    let mut fields = keyword.value()?.split(',').map(str::trim);
    let mut field = || {
        fields
            .next()
            .ok_or_else(|| keyword.refuse("a field is missing"))
    };
    let (width, offset) = (field()?, field()?);
    let width = match width {
        "1" => 1,
        "2" => 2,
        "4" => 4,
        _ => return Err(keyword.refuse("only integers of 1, 2 and 4 bytes are read")),
    };
    let offset = signed(offset).ok_or_else(|| keyword.refuse("the offset is not an integer"))?;
    let mut relative = false;
    let mut jump = Jump {
        width,
        ..Jump::default()
    };
    let (mut order, mut multiplier, mut post_offset) = (None, None, None);
    for flag in fields {
        let (name, value) = match flag.split_once(' ') {
            Some((name, value)) => (name, signed(value.trim())),
            None => (flag, None),
        };
        let is_new = match (name, value) {
            ("relative", None) => !std::mem::replace(&mut relative, true),
            ("align", None) => !std::mem::replace(&mut jump.align, true),
            ("from_beginning", None) => !std::mem::replace(&mut jump.from_beginning, true),
            ("big" | "little", None) => order.replace(name).is_none(),
            ("multiplier", Some(value @ 1..)) => multiplier.replace(value).is_none(),
            ("post_offset", Some(value)) => post_offset.replace(value).is_none(),
            _ => return Err(keyword.refuse(format!("{flag} is not supported"))),
        };
        if !is_new {
            return Err(keyword.refuse(format!("{flag} follows another of its kind")));
        }
    }
    jump.little_endian = order == Some("little");
    jump.multiply = multiplier.map_or(1, |value| value as u16);
    jump.add = post_offset.unwrap_or(0);
    Ok(ByteJump {
        jump,
        offset,
        relative,
    })
}
