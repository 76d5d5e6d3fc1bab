//! Which part of a file is asked for: the one form of a `Range` header that is passed on.

/// A part of a file, by its first and its last byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// The first byte, from 0.
    pub first: u64,
    /// The last one; `None` for the end of the file.
    pub last: Option<u64>,
}

impl ByteRange {
    /// Reads `bytes=first-last` or `bytes=first-`. `None` for everything else, which a server may answer with the whole
    /// file (RFC 9110, 14.2).
    #[must_use]
    pub fn read(header: &str) -> Option<Self> {
        let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
        let first = number(first)?;
        let last = if last.is_empty() { None } else { Some(number(last)?) };
        last.is_none_or(|last| last >= first).then_some(ByteRange { first, last })
    }

    /// The header again.
    #[must_use]
    pub fn header(self) -> String {
        let ByteRange { first, last } = self;
        last.map_or_else(|| format!("bytes={first}-"), |last| format!("bytes={first}-{last}"))
    }

    /// The `Content-Range` of this part of a file of `size` bytes, in which it begins.
    #[must_use]
    pub fn content_range(self, size: u64) -> String {
        let end = size.saturating_sub(1);
        format!("bytes {}-{}/{size}", self.first, self.last.map_or(end, |last| last.min(end)))
    }
}

/// No file is longer: what JavaScript's numbers hold.
const MAX: u64 = (1 << 53) - 1;

fn number(digits: &str) -> Option<u64> {
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|number| is_number && *number < MAX)
}
