//! The strings of rules: text, and in those of `content` bytes in hexadecimal digits
//! between bars.

/// The bytes of a `content`, as it stands between its quotation marks.
///
/// # Errors
/// Why it is none.
pub(super) fn bytes(text: &str) -> Result<Vec<u8>, &'static str> {
    let mut bytes = Vec::new();
    let mut hex = false;
    let mut high = None;
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'|' if high.is_some() => return Err("half a byte between bars"),
            b'|' => hex = !hex,
            b' ' if hex => {}
            _ if hex => {
                let digit = digit(byte).ok_or("not a hexadecimal digit between bars")?;
                match high.take() {
                    None => high = Some(digit),
                    Some(high) => bytes.push(high << 4 | digit),
                }
            }
            b'\\' => bytes.push(escaped(rest.next())?),
            _ => bytes.push(byte),
        }
    }
    if hex {
        return Err("a bar is not closed");
    }
    if bytes.is_empty() {
        return Err("it is empty");
    }
    Ok(bytes)
}

/// A text without its escapes.
///
/// # Errors
/// Why it is none.
pub(super) fn plain(text: &str) -> Result<String, &'static str> {
    let mut plain = String::new();
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character == '\\' {
            let byte = rest.next().and_then(|next| u8::try_from(next).ok());
            plain.push(escaped(byte)?.into());
        } else {
            plain.push(character);
        }
    }
    Ok(plain)
}

const fn escaped(byte: Option<u8>) -> Result<u8, &'static str> {
    match byte {
        Some(byte @ (b';' | b'"' | b'\\' | b':')) => Ok(byte),
        _ => Err("a backslash before anything but `;`, `\"`, `\\` and `:`"),
    }
}

const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}
