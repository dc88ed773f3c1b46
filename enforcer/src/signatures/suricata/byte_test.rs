//! `byte_test:width,comparison,value,offset[,relative][,big|little][,bitmask mask]`, for
//! integers in binary.

use crate::policy::signature::{Compare, Number};

use super::lexer::Keyword;
use super::refusal::Refusal;

/// Bytes that `offset` may lead away from where it counts from.
const FARTHEST: i64 = u16::MAX as i64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ByteTest {
    pub(super) number: Number,
    /// From the end of the last content if `relative`, else from the beginning.
    pub(super) offset: i32,
    pub(super) relative: bool,
}

/// # Errors
/// `byte_test`.
pub(super) fn byte_test(keyword: Keyword<'_>) -> Result<ByteTest, Refusal> {
    let mut fields = keyword.value()?.split(',').map(str::trim);
    let mut field = || {
        fields
            .next()
            .ok_or_else(|| keyword.refuse("a field is missing"))
    };
    let (width, comparison, value, offset) = (field()?, field()?, field()?, field()?);
    let width = match width {
        "1" => 1,
        "2" => 2,
        "4" => 4,
        _ => return Err(keyword.refuse("only integers of 1, 2 and 4 bytes are compared")),
    };
    let value = unsigned(value).ok_or_else(|| keyword.refuse("the value is not an integer"))?;
    let offset = signed(offset).ok_or_else(|| keyword.refuse("the offset is not an integer"))?;
    let mut test = ByteTest {
        number: Number {
            width,
            little_endian: false,
            mask: u32::MAX,
            compare: Compare::Equal,
            value,
        },
        offset,
        relative: false,
    };
    let mut order = None;
    let mut mask = None;
    for flag in fields {
        let is_new = match flag {
            "relative" => !std::mem::replace(&mut test.relative, true),
            "big" | "little" => order.replace(flag).is_none(),
            _ => match flag.strip_prefix("bitmask").and_then(unsigned) {
                Some(bits) => mask.replace(bits).is_none(),
                None => return Err(keyword.refuse(format!("{flag} is not supported"))),
            },
        };
        if !is_new {
            return Err(keyword.refuse(format!("{flag} follows another of its kind")));
        }
    }
    test.number.little_endian = order == Some("little");
    let number = compared(test.number, comparison, mask)
        .ok_or_else(|| keyword.refuse("this comparison is not supported"))?;
    test.number = fitting(number);
    Ok(test)
}

/// Suricata shifts what a mask leaves to the right by the zeros at the mask's end, and
/// compares then; here the value is shifted to the left instead. What is left of the
/// integer is a multiple of that power of two, so that all comparisons come out the same.
fn compared(number: Number, comparison: &str, mask: Option<u32>) -> Option<Number> {
    let value = number.value;
    let (compare, value) = match comparison {
        "=" => (Compare::Equal, value),
        "!" | "!=" => (Compare::Unequal, value),
        "<" | "!>=" => (Compare::Below, value),
        ">" | "!<=" => (Compare::Above, value),
        "<=" | "!>" => (Compare::Below, value.checked_add(1)?),
        ">=" | "!<" => (Compare::Above, value.checked_sub(1)?),
        "&" | "!&" => (Compare::Any, value),
        _ => return None,
    };
    let mask = mask.unwrap_or(u32::MAX);
    let zeros = if mask == 0 { 0 } else { mask.trailing_zeros() };
    let shifted = value << zeros;
    if shifted >> zeros != value {
        return None;
    }
    let number = Number {
        mask,
        compare,
        value: shifted,
        ..number
    };
    if comparison == "!&" {
        return Some(Number {
            mask: mask & shifted,
            compare: Compare::Equal,
            value: 0,
            ..number
        });
    }
    Some(number)
}

/// The same condition in numbers that an integer of this width can be: a signature has
/// no others.
fn fitting(number: Number) -> Number {
    let most = u32::MAX >> (32 - 8 * u32::from(number.width));
    let (compare, mask, value) = match number.compare {
        Compare::Any => (Compare::Any, number.mask & most, number.value & most),
        compare if number.value <= most => (compare, number.mask & most, number.value),
        // Every integer is less; and every one is 0 where no bit counts.
        Compare::Unequal | Compare::Below => (Compare::Equal, 0, 0),
        Compare::Equal | Compare::Above => (Compare::Unequal, 0, 0),
    };
    Number {
        mask,
        compare,
        value,
        ..number
    }
}

/// As `strtoul` reads it: hexadecimal after `0x`, octal after another `0`.
fn unsigned(text: &str) -> Option<u32> {
    let text = text.trim();
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        let is_hex = hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        return u32::from_str_radix(hex, 16).ok().filter(|_| is_hex);
    }
    let radix = if text.starts_with('0') { 8 } else { 10 };
    u32::from_str_radix(text, radix).ok()
}

/// An integer no farther away than a place may be.
pub(super) fn signed(text: &str) -> Option<i32> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let offset = i64::from(unsigned(digits)?) * sign;
    i32::try_from(offset)
        .ok()
        .filter(|_| offset.abs() <= FARTHEST)
}
