//! What a file is, told from its first bytes: type, width and height.
//!
//! The API takes jpeg, png and webp of at most 10.0 MB (vendor's page of
//! recraft/crisp-upscale). Names and `Content-Type`s lie; first bytes rarely do.

use core::fmt;

use crate::text::{begins, push_number};

/// The largest file the API takes, in bytes: its documentation says "10.0 MB".
/// Read as binary megabytes, so that no file is refused that the service might take.
pub const MAX_BYTES: u64 = 10 * 1024 * 1024;

/// The most pixels that Recraft documents for its upscalers (16 megapixels).
/// A guess for kie.ai's offer: a reason to warn, not to refuse.
pub const MAX_PIXELS: u64 = 16_000_000;

/// The longest side in pixels that Recraft documents; as much a guess as [`MAX_PIXELS`].
pub const MAX_SIDE: u32 = 4096;

/// The shortest side in pixels that Recraft documents; as much a guess as [`MAX_PIXELS`].
pub const MIN_SIDE: u32 = 32;

/// How many of a file's first bytes [`identify`] wants, at most. A jpeg's size
/// stands after its metadata, whose preview and profile are usually below this.
pub const HEAD_BYTES: usize = 64 * 1024;

/// An image format that the API takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `image/jpeg`
    Jpeg,
    /// `image/png`
    Png,
    /// `image/webp`
    Webp,
}

impl Format {
    /// The media type, as in a `Content-Type`.
    #[must_use]
    pub fn mime(self) -> &'static str {
        match self {
            Format::Jpeg => "image/jpeg",
            Format::Png => "image/png",
            Format::Webp => "image/webp",
        }
    }

    /// How the name of such a file ends.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Format::Jpeg => "jpg",
            Format::Png => "png",
            Format::Webp => "webp",
        }
    }
}

/// What the first bytes of an acceptable file say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The format.
    pub format: Format,
    /// Width and height in pixels; `None` where the header is damaged or longer than what was given.
    pub size: Option<(u32, u32)>,
}

impl Header {
    /// A sentence for people where the image is beyond [`MAX_PIXELS`] or [`MAX_SIDE`], or below [`MIN_SIDE`].
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let (width, height) = self.size?;
        let pixels = u64::from(width) * u64::from(height);
        let is_small = width.min(height) < MIN_SIDE;
        if pixels <= MAX_PIXELS && width.max(height) <= MAX_SIDE && !is_small {
            return None;
        }
        let mut warning = String::from("The image has ");
        push_number(&mut warning, width.into());
        warning.push_str(" × ");
        push_number(&mut warning, height.into());
        let limits = if is_small { "at least 32 a side" } else { "up to 16 megapixels and 4096 a side" };
        warning.push_str(" pixels. Recraft takes ");
        warning.push_str(limits);
        warning.push_str("; whether this service does is not known, and the task may fail.");
        Some(warning)
    }
}

/// Why a file cannot be sent. Its `Display` is a sentence for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// No bytes at all.
    Empty,
    /// More than [`MAX_BYTES`]; holds the size in bytes.
    TooLarge(u64),
    /// Recognised, and not a format that the API takes; holds the format's name.
    Unsupported(&'static str),
    /// Nothing that is known here.
    NotAnImage,
    /// The whole file is there, and ends or breaks before it says its size in pixels.
    CutOff,
}

impl Problem {
    /// The same as a sentence for people.
    #[must_use]
    pub fn message(self) -> String {
        let mut message = String::from("The file ");
        match self {
            Problem::Empty => message.push_str("is empty."),
            Problem::TooLarge(bytes) => {
                let tenths = bytes.saturating_mul(10).div_ceil(1024 * 1024);
                message.push_str("has ");
                push_number(&mut message, tenths / 10);
                message.push('.');
                push_number(&mut message, tenths % 10);
                message.push_str(" MB; at most 10 MB are taken.");
            }
            Problem::Unsupported(name) => {
                message.push_str("is ");
                message.push_str(name);
                message.push_str("; only jpeg, png and webp are taken.");
            }
            Problem::NotAnImage => message.push_str("is not an image; jpeg, png and webp are taken."),
            Problem::CutOff => message.push_str("is damaged or cut off in its header."),
        }
        message
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

/// Tells what a file of `total_bytes` is from its first bytes (the first [`HEAD_BYTES`] are enough).
///
/// # Errors
/// The first [`Problem`] that would keep the service from taking it.
pub fn check(head: &[u8], total_bytes: u64) -> Result<Header, Problem> {
    if total_bytes == 0 {
        return Err(Problem::Empty);
    }
    let header = identify(head)?;
    if total_bytes > MAX_BYTES {
        return Err(Problem::TooLarge(total_bytes));
    }
    // Of a longer file, the rest may say it.
    if total_bytes <= head.len() as u64 && size(header.format, head).is_none() {
        return Err(Problem::CutOff);
    }
    Ok(header)
}

/// Width and height as the header has them; a jpeg may leave its height open as 0.
fn size(format: Format, head: &[u8]) -> Option<(u32, u32)> {
    match format {
        Format::Jpeg => jpeg_size(head),
        Format::Png => png_size(head),
        Format::Webp => webp_size(head),
    }
}

/// Reads format and size from a file's first bytes.
///
/// # Errors
/// [`Problem::Unsupported`] or [`Problem::NotAnImage`].
pub fn identify(head: &[u8]) -> Result<Header, Problem> {
    let format = if head.starts_with(b"\xff\xd8\xff") {
        Format::Jpeg
    } else if head.starts_with(b"\x89PNG\r\n\x1a\n") {
        Format::Png
    } else if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
        Format::Webp
    } else {
        return Err(foreign(head));
    };
    let size = size(format, head).filter(|&(width, height)| width > 0 && height > 0);
    Ok(Header { format, size })
}

/// Names what is not taken, so that the message can say what the file is.
fn foreign(head: &[u8]) -> Problem {
    const SIGNATURES: [(&[u8], &str); 15] = [
        (b"GIF8", "a GIF"),
        (b"BM", "a BMP"),
        (b"II*\0", "a TIFF"),
        (b"MM\0*", "a TIFF"),
        // BigTIFF, whose offsets have eight bytes.
        (b"II+\0", "a TIFF"),
        (b"MM\0+", "a TIFF"),
        (b"%PDF", "a PDF"),
        (b"\0\0\x01\0", "an icon (ICO)"),
        (b"8BPS", "a Photoshop file"),
        // The bare codestream and the box of ISO/IEC 18181-2, then the same two of ISO/IEC 15444-1.
        (b"\xff\x0a", "a JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL"),
        (b"\xff\x4f\xff\x51", "a JPEG 2000"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000"),
        // Little-endian: 0xbc, then the version.
        (b"II\xbc\x01", "a JPEG XR"),
        (b"\x1f\x8b", "compressed by gzip"),
    ];
    for (signature, name) in SIGNATURES {
        if head.starts_with(signature) {
            return Problem::Unsupported(name);
        }
    }
    if let Some(name) = media_file(head).or_else(|| markup(head)) {
        return Problem::Unsupported(name);
    }
    Problem::NotAnImage
}

/// Names an ISO base media file (ISO/IEC 14496-12) by the brands in its `ftyp` box. The major one may be a general
/// brand such as `mif1`; then those that it is compatible with say which codec it has.
fn media_file(head: &[u8]) -> Option<&'static str> {
    if head.get(4..8)? != b"ftyp" {
        return None;
    }
    let length = (be16(head, 0)? << 16 | be16(head, 2)?) as usize;
    let major = head.get(8..12).unwrap_or_default();
    let compatible = head.get(16..length.min(head.len())).unwrap_or_default();
    let brands = || core::iter::once(major).chain(compatible.chunks_exact(4));
    let has = |known: &[&[u8]]| brands().any(|brand| known.contains(&brand));
    Some(if has(&[b"avif", b"avis"]) {
        "an AVIF"
    } else if has(&[b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"]) {
        "a HEIC"
    } else if has(&[b"crx "]) {
        "a raw photo of a camera (CR3)"
    } else if has(&[b"mif1", b"msf1", b"miaf"]) {
        "a HEIF"
    } else {
        "a video"
    })
}

/// Names a document of markup by its first element, behind a byte order mark, comments and declarations.
fn markup(head: &[u8]) -> Option<&'static str> {
    let mut text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let mut is_xml = false;
    loop {
        let end: &[u8] = if text.starts_with(b"<!--") {
            b"-->"
        } else if begins(text, b"<?xml") {
            is_xml = true;
            b"?>"
        } else if text.starts_with(b"<?") {
            b"?>"
        } else if begins(text, b"<!doctype html") || begins(text, b"<html") {
            return Some("an HTML page");
        } else if begins(text, b"<!doctype svg") || begins(text, b"<svg") {
            return Some("an SVG");
        } else {
            break;
        };
        match text.windows(end.len()).position(|window| window == end) {
            Some(at) => text = text.get(at + end.len()..).unwrap_or_default().trim_ascii_start(),
            None => break,
        }
    }
    is_xml.then_some("an XML document")
}

/// ISO/IEC 10918-1: marker segments up to the frame header (SOF), which has the size.
fn jpeg_size(head: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        // Any number of 0xff may stand before a marker.
        while *head.get(at)? == 0xff {
            at += 1;
        }
        let marker = *head.get(at)?;
        at += 1;
        match marker {
            // SOF0 to SOF15; C4, C8 and CC are other segments.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                return Some((be16(head, at + 5)?, be16(head, at + 3)?));
            }
            // Markers without a segment.
            0x01 | 0xd0..=0xd7 => {}
            // Image data or the end, and no frame header before it.
            0xd9 | 0xda => return None,
            _ => at += be16(head, at)?.max(2) as usize,
        }
        // Damaged: what follows a segment is a marker.
        if *head.get(at)? != 0xff {
            return None;
        }
    }
}

/// PNG specification, 11.2.2: the first chunk is IHDR, its first fields are the size.
fn png_size(head: &[u8]) -> Option<(u32, u32)> {
    (head.get(12..16)? == b"IHDR").then_some(())?;
    let be32 = |at| Some(be16(head, at)? << 16 | be16(head, at + 2)?);
    Some((be32(16)?, be32(20)?))
}

/// RFC 9649: a lossy, lossless or extended first chunk, each with the size in its own way.
fn webp_size(head: &[u8]) -> Option<(u32, u32)> {
    let le16 = |at| be16(head, at).map(|value| u32::from((value as u16).swap_bytes()));
    let le24 = |at| Some(le16(at)? | u32::from(*head.get(at + 2)?) << 16);
    match head.get(12..16)? {
        b"VP8 " => {
            (head.get(23..26)? == b"\x9d\x01\x2a").then_some(())?;
            Some((le16(26)? & 0x3fff, le16(28)? & 0x3fff))
        }
        b"VP8L" => {
            (*head.get(20)? == 0x2f).then_some(())?;
            let bits = le16(21)? | le16(23)? << 16;
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        b"VP8X" => Some((le24(24)? + 1, le24(27)? + 1)),
        _ => None,
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<u32> {
    let high = u32::from(*bytes.get(at)?);
    let low = u32::from(*bytes.get(at + 1)?);
    Some(high << 8 | low)
}
