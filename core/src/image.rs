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
    /// A sentence for people where the image is beyond [`MAX_PIXELS`] or [`MAX_SIDE`].
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let (width, height) = self.size?;
        let pixels = u64::from(width) * u64::from(height);
        if pixels <= MAX_PIXELS && width.max(height) <= MAX_SIDE {
            return None;
        }
        let mut warning = String::from("The image has ");
        push_number(&mut warning, width.into());
        warning.push_str(" × ");
        push_number(&mut warning, height.into());
        warning.push_str(
            " pixels. Recraft takes up to 16 megapixels and 4096 a side; whether this service does is \
             not known, and the task may fail.",
        );
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
    Ok(header)
}

/// Reads format and size from a file's first bytes.
///
/// # Errors
/// [`Problem::Unsupported`] or [`Problem::NotAnImage`].
pub fn identify(head: &[u8]) -> Result<Header, Problem> {
    let (format, size) = if head.starts_with(b"\xff\xd8\xff") {
        (Format::Jpeg, jpeg_size(head))
    } else if head.starts_with(b"\x89PNG\r\n\x1a\n") {
        (Format::Png, png_size(head))
    } else if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
        (Format::Webp, webp_size(head))
    } else {
        return Err(foreign(head));
    };
    let size = size.filter(|&(width, height)| width > 0 && height > 0);
    Ok(Header { format, size })
}

/// Names what is not taken, so that the message can say what the file is.
fn foreign(head: &[u8]) -> Problem {
    const SIGNATURES: [(&[u8], &str); 8] = [
        (b"GIF8", "a GIF"),
        (b"BM", "a BMP"),
        (b"II*\0", "a TIFF"),
        (b"MM\0*", "a TIFF"),
        (b"%PDF", "a PDF"),
        (b"\0\0\x01\0", "an icon (ICO)"),
        (b"8BPS", "a Photoshop file"),
        (b"\xff\x0a", "a JPEG XL"),
    ];
    for (signature, name) in SIGNATURES {
        if head.starts_with(signature) {
            return Problem::Unsupported(name);
        }
    }
    // ISO base media files (ISO/IEC 14496-12) name their brand after "ftyp".
    if head.get(4..8) == Some(b"ftyp") {
        return Problem::Unsupported(match head.get(8..12) {
            Some(b"avif" | b"avis") => "an AVIF",
            Some(b"heic" | b"heix" | b"mif1" | b"msf1") => "a HEIC",
            _ => "a video",
        });
    }
    let text = head.trim_ascii_start();
    if begins(text, b"<!doctype html") || begins(text, b"<html") {
        return Problem::Unsupported("an HTML page");
    }
    if begins(text, b"<svg") || begins(text, b"<?xml") {
        return Problem::Unsupported("an SVG or XML document");
    }
    Problem::NotAnImage
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
