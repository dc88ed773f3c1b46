//! `dsize:LENGTH` and `isdataat:BYTES[,relative]`: how much there is of a payload.

use super::lexer::Keyword;
use super::refusal::{Refusal, refuse};

/// Bytes of a datagram or a segment, at least and at most, by `dsize:N`, `>N`, `<N` or
/// `N<>M`, which excludes both (`DetectDsizeMatch` in detect-dsize.c).
///
/// # Errors
/// `dsize`.
pub(super) fn dsize(keyword: Keyword<'_>) -> Result<(u16, u16), Refusal> {
    let number = |text: &str| text.trim().parse::<u16>().ok();
    let value = keyword.value()?;
    let range = match value.split_once("<>") {
        Some((above, below)) => number(above)
            .and_then(|above| above.checked_add(1))
            .zip(number(below).and_then(|below| below.checked_sub(1))),
        None => match (value.strip_prefix('>'), value.strip_prefix('<')) {
            (Some(above), _) => number(above)
                .and_then(|above| above.checked_add(1))
                .map(|least| (least, u16::MAX)),
            (_, Some(below)) => number(below)
                .and_then(|below| below.checked_sub(1))
                .map(|most| (0, most)),
            _ => number(value).map(|exactly| (exactly, exactly)),
        },
    };
    match range {
        Some((least, most)) if least <= most && most > 0 => Ok((least, most)),
        _ => Err(keyword.refuse("it is no length of a payload")),
    }
}

/// Distance from the end of the content before at which there must be a byte.
///
/// # Errors
/// `isdataat`, where it asks for no data or counts from the beginning.
pub(super) fn data_at(keyword: Keyword<'_>) -> Result<i32, Refusal> {
    let value = keyword.value()?;
    let mut words = value.split(',').map(str::trim);
    let count = words.next().unwrap_or_default();
    if count.starts_with('!') {
        return Err(refuse(
            "isdataat:!",
            "a stream has no end that a signature knows of",
        ));
    }
    let count = count
        .parse()
        .ok()
        .filter(|count| (1..=u16::MAX).contains(count));
    match (count, words.next(), words.next()) {
        // As many bytes as that, of which the last one has this distance.
        (Some(count), Some("relative"), None) => Ok(i32::from(count) - 1),
        (Some(_), None, _) => Err(keyword.refuse("it counts from the beginning")),
        _ => Err(keyword.refuse("it is not a number of bytes, relative")),
    }
}
