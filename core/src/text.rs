//! Looking for a text in another, and writing a number: as the standard library does, in a tenth of its size. All
//! that is read here is short, so that its faster ways of searching would gain nothing.

/// What stands before and after the first `part` of a text.
#[must_use]
pub fn cut<'a>(text: &'a str, part: &str) -> Option<(&'a str, &'a str)> {
    let at = (0..=text.len())
        .find(|&at| text.as_bytes().get(at..).is_some_and(|rest| rest.starts_with(part.as_bytes())))?;
    Some((text.get(..at)?, text.get(at + part.len()..)?))
}

/// Whether a text has a part.
#[must_use]
pub fn contains(text: &str, part: &str) -> bool {
    cut(text, part).is_some()
}

/// Whether a text begins with a part, in whatever case its letters of ASCII are.
#[must_use]
pub fn begins(text: &[u8], part: &[u8]) -> bool {
    text.get(..part.len()).is_some_and(|start| start.eq_ignore_ascii_case(part))
}

/// Writes a number in decimal digits.
pub fn push_number(text: &mut String, number: u64) {
    if number >= 10 {
        push_number(text, number / 10);
    }
    text.push(char::from(b'0' + (number % 10) as u8));
}

/// Reads a number of decimal digits and nothing else.
#[must_use]
pub fn number(text: &str) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.bytes().try_fold(0_u64, |number, digit| {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 { None } else { number.checked_mul(10)?.checked_add(u64::from(digit)) }
    })
}
