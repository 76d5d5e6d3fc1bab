//! Tests of `image`: type and size out of the first bytes, and what is refused and in which words.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use crisp_upscale_core::image::{
    Format, HEAD_BYTES, Header, MAX_BYTES, MAX_PIXELS, MAX_SIDE, MIN_SIDE, Problem, check, identify,
};

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

const SOI: &[u8] = b"\xff\xd8";
/// JFIF's segment, as most jpegs begin.
const APP0: &[u8] = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00";
const EOI: &[u8] = b"\xff\xd9";

/// A segment: marker, length (which counts itself), content.
fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).unwrap().to_be_bytes();
    joined(&[&[0xff, marker], &length, content])
}

/// A frame header of three components; the height stands before the width.
fn frame(marker: u8, width: u16, height: u16) -> Vec<u8> {
    let (height, width) = (height.to_be_bytes(), width.to_be_bytes());
    segment(marker, &joined(&[&[8], &height, &width, b"\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01"]))
}

/// EXIF with a preview in it, which is a jpeg with a frame header of its own.
fn exif() -> Vec<u8> {
    let preview = joined(&[SOI, &frame(0xc0, 160, 120), EOI]);
    segment(0xe1, &joined(&[b"Exif\0\0II*\0\x08\0\0\0", &preview]))
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let ihdr = joined(&[b"IHDR", &width.to_be_bytes(), &height.to_be_bytes(), b"\x08\x02\x00\x00\x00"]);
    joined(&[b"\x89PNG\r\n\x1a\n", b"\x00\x00\x00\x0d", &ihdr, b"\x12\x34\x56\x78"])
}

fn riff(chunk: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len()).unwrap();
    joined(&[b"RIFF", &(size + 12).to_le_bytes(), b"WEBP", chunk, &size.to_le_bytes(), content])
}

/// A lossy key frame; the two bits above each side are its scaling.
fn vp8(width: u16, height: u16, scaling: u16) -> Vec<u8> {
    let side = |side: u16| (side | scaling << 14).to_le_bytes();
    riff(b"VP8 ", &joined(&[b"\x30\x37\x01", b"\x9d\x01\x2a", &side(width), &side(height)]))
}

/// Lossless: 14 bits each of width - 1 and height - 1, then alpha and version.
fn vp8l(width: u32, height: u32, alpha: u32) -> Vec<u8> {
    let bits = (width - 1) | (height - 1) << 14 | alpha << 28;
    riff(b"VP8L", &joined(&[b"\x2f", &bits.to_le_bytes()]))
}

/// Extended: flags, three reserved bytes, 24 bits each of width - 1 and height - 1.
fn vp8x(width: u32, height: u32) -> Vec<u8> {
    let (width, height) = ((width - 1).to_le_bytes(), (height - 1).to_le_bytes());
    riff(b"VP8X", &joined(&[b"\x10\x00\x00\x00", &width[..3], &height[..3]]))
}

/// A good header: name, bytes, format, size.
type Row = (&'static str, Vec<u8>, Format, (u32, u32));

fn headers() -> Vec<Row> {
    let fill = joined(&[SOI, b"\xff\xff\xff", &APP0[1..], b"\xff\xff", &frame(0xc0, 321, 123)]);
    vec![
        ("jpeg, baseline", joined(&[SOI, APP0, &frame(0xc0, 640, 480)]), Format::Jpeg, (640, 480)),
        ("jpeg, extended", joined(&[SOI, APP0, &frame(0xc1, 640, 480)]), Format::Jpeg, (640, 480)),
        ("jpeg, progressive", joined(&[SOI, APP0, &frame(0xc2, 4096, 3000)]), Format::Jpeg, (4096, 3000)),
        ("jpeg, arithmetic", joined(&[SOI, &frame(0xc9, 17, 65535)]), Format::Jpeg, (17, 65535)),
        ("jpeg, the last SOF", joined(&[SOI, &frame(0xcf, 9, 8)]), Format::Jpeg, (9, 8)),
        ("jpeg, fill bytes", fill, Format::Jpeg, (321, 123)),
        ("jpeg, EXIF before SOF", joined(&[SOI, &exif(), &frame(0xc0, 800, 600)]), Format::Jpeg, (800, 600)),
        (
            // C4, C8 and CC look like frame headers and are none; 01 and D0 to D7 have no length.
            "jpeg, tables and bare markers before SOF",
            joined(&[
                SOI,
                &segment(0xdb, &[1; 65]),
                &segment(0xc4, &[2; 28]),
                &segment(0xc8, &[3; 8]),
                &segment(0xcc, &[4; 8]),
                b"\xff\x01\xff\xd0\xff\xd7",
                &segment(0xfe, b"a comment \xff\xc0\xff"),
                &frame(0xc0, 1000, 700),
            ]),
            Format::Jpeg,
            (1000, 700),
        ),
        ("png", png(330, 220), Format::Png, (330, 220)),
        ("png, all four bytes", png(0x0102_0304, 0x0506_0708), Format::Png, (0x0102_0304, 0x0506_0708)),
        ("webp VP8", vp8(420, 280, 0), Format::Webp, (420, 280)),
        ("webp VP8, scaled", vp8(16383, 1, 3), Format::Webp, (16383, 1)),
        ("webp VP8L", vp8l(420, 280, 0), Format::Webp, (420, 280)),
        ("webp VP8L, largest, alpha", vp8l(16384, 16383, 1), Format::Webp, (16384, 16383)),
        ("webp VP8L, smallest", vp8l(1, 1, 0), Format::Webp, (1, 1)),
        ("webp VP8X", vp8x(5000, 70000), Format::Webp, (5000, 70000)),
        ("webp VP8X, largest", vp8x(1 << 24, 1), Format::Webp, (1 << 24, 1)),
    ]
}

#[test]
fn format_and_size_are_read() {
    for (row, bytes, format, size) in headers() {
        assert_eq!(identify(&bytes), Ok(Header { format, size: Some(size) }), "{row}");
    }
}

/// A cut header is no image yet, or one of unknown size; never one of another size or type.
#[test]
fn no_prefix_of_a_header_lies() {
    for (row, bytes, format, size) in headers() {
        let mut known = 0;
        for length in 0..bytes.len() {
            match identify(&bytes[..length]) {
                Err(problem) => assert_eq!(problem, Problem::NotAnImage, "{row}, {length} bytes"),
                Ok(header) => {
                    assert_eq!(header.format, format, "{row}, {length} bytes");
                    if header.size.is_some() {
                        assert_eq!(header.size, Some(size), "{row}, {length} bytes");
                        known += 1;
                    }
                }
            }
        }
        // Only what follows the size (components, a checksum) may be missing.
        assert!(known <= 10, "{row}: the size was known from {known} prefixes");
    }
}

/// No byte of a header, changed to any of the extreme values, makes it panic or loop.
#[test]
fn damaged_headers_are_borne() {
    for (row, bytes, ..) in headers() {
        for at in 0..bytes.len() {
            for value in [0x00, 0x01, 0x7f, 0x80, 0xc0, 0xda, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] = value;
                let size = identify(&damaged).ok().and_then(|header| header.size);
                assert!(size.is_none_or(|(w, h)| w > 0 && h > 0), "{row}, byte {at} = {value:#x}: {size:?}");
            }
        }
    }
}

#[test]
fn a_size_that_cannot_be_told_is_none() {
    let rows = [
        ("jpeg, ends before SOF", joined(&[SOI, APP0]), Format::Jpeg),
        ("jpeg, image data before SOF", joined(&[SOI, APP0, &segment(0xda, &[0; 10])]), Format::Jpeg),
        ("jpeg, EOI before SOF", joined(&[SOI, b"\xff\xd9", &frame(0xc0, 1, 1)]), Format::Jpeg),
        ("jpeg, junk between segments", joined(&[SOI, APP0, b"x", &frame(0xc0, 1, 1)]), Format::Jpeg),
        ("jpeg, height in a DNL after the scan", joined(&[SOI, &frame(0xc0, 640, 0)]), Format::Jpeg),
        ("jpeg, no width", joined(&[SOI, &frame(0xc0, 0, 480)]), Format::Jpeg),
        ("jpeg, fill bytes to the end", joined(&[SOI, &[0xff; 500]]), Format::Jpeg),
        // Its EXIF is longer than the head: the size is beyond what was given.
        ("jpeg, cut in its EXIF", joined(&[SOI, &exif()])[..30].to_vec(), Format::Jpeg),
        (
            "png, first chunk is not IHDR",
            png(1, 1)[..12].iter().copied().chain(*b"CgBI____").collect(),
            Format::Png,
        ),
        ("png, no width", png(0, 5), Format::Png),
        ("webp, unknown chunk", riff(b"ALPH", &[1; 20]), Format::Webp),
        ("webp VP8, no start code", riff(b"VP8 ", &[1; 20]), Format::Webp),
        ("webp VP8, no height", vp8(5, 0, 0), Format::Webp),
        ("webp VP8L, no signature", riff(b"VP8L", &[1; 20]), Format::Webp),
    ];
    for (row, bytes, format) in rows {
        assert_eq!(identify(&bytes), Ok(Header { format, size: None }), "{row}");
    }
}

#[test]
fn real_files_are_read() {
    // The sizes are what file(1) says.
    for (name, format, size) in [
        ("cat.jpg", Format::Jpeg, (420, 280)),
        ("coffee.webp", Format::Webp, (420, 280)),
        ("rocket.png", Format::Png, (330, 220)),
    ] {
        let path = format!("{}/../www/samples/{name}", env!("CARGO_MANIFEST_DIR"));
        let bytes = std::fs::read(&path).expect(&path);
        let head = &bytes[..bytes.len().min(HEAD_BYTES)];
        assert_eq!(check(head, bytes.len() as u64), Ok(Header { format, size: Some(size) }), "{name}");
        for length in 0..head.len().min(2048) {
            let told = identify(&head[..length]).ok().and_then(|header| header.size);
            assert!(told.is_none_or(|told| told == size), "{name}, {length} bytes: {told:?}");
        }
    }
}

#[test]
fn foreign_formats_are_named() {
    let rows: &[(&[u8], &str)] = &[
        (b"GIF87a\x01\0\x01\0", "a GIF"),
        (b"GIF89a\x01\0\x01\0", "a GIF"),
        (b"BM\x36\0\0\0\0\0", "a BMP"),
        (b"II*\0\x08\0\0\0", "a TIFF"),
        (b"MM\0*\0\0\0\x08", "a TIFF"),
        (b"II+\0\x08\0\0\0", "a TIFF"),
        (b"MM\0+\0\x08\0\0", "a TIFF"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"\0\0\x01\0\x01\0", "an icon (ICO)"),
        (b"8BPS\0\x01", "a Photoshop file"),
        (b"\xff\x0a\xfa\x1f", "a JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl ", "a JPEG XL"),
        (b"\xff\x4f\xff\x51\0\x29", "a JPEG 2000"),
        (b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjp2 ", "a JPEG 2000"),
        (b"II\xbc\x01\x08\0\0\0", "a JPEG XR"),
        (b"\x1f\x8b\x08\0", "compressed by gzip"),
        (b"<!DOCTYPE html><title>Not found</title>", "an HTML page"),
        (b"\r\n  <!doctype HTML>", "an HTML page"),
        (b"<html lang=en>", "an HTML page"),
        (b"<!-- cached --><!doctype html>", "an HTML page"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG"),
        (b" \t<SVG/>", "an SVG"),
        (b"<?xml version='1.0'?><svg/>", "an SVG"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<svg/>", "an SVG"),
        (b"\xef\xbb\xbf<svg/>", "an SVG"),
        (b"<!-- made by hand -->\n<svg/>", "an SVG"),
        (
            b"<?xml version='1.0'?><!-- a --><!-- b --><!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN'>",
            "an SVG",
        ),
        (b"<?xml version='1.0'?><?xml-stylesheet href='a.css'?><svg/>", "an SVG"),
        (b"<?xml", "an XML document"),
        (b"<?xml version='1.0'?><rss/>", "an XML document"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "an XML document"),
        (b"<?xml version='1.0'?><!-- without an end", "an XML document"),
    ];
    for &(bytes, name) in rows {
        let row = String::from_utf8_lossy(bytes);
        assert_eq!(identify(bytes), Err(Problem::Unsupported(name)), "{row:?}");
        assert_eq!(check(bytes, 1000), Err(Problem::Unsupported(name)), "{row:?}");
    }
}

/// An `ftyp` box: the major brand, a version, and the brands that the file is compatible with.
fn ftyp(major: &str, compatible: &[&str]) -> Vec<u8> {
    let length = u32::try_from(16 + 4 * compatible.len()).unwrap();
    let boxed = joined(&[&length.to_be_bytes(), b"ftyp", major.as_bytes(), b"\0\0\0\0"]);
    // What follows the box is no brand of the file's.
    joined(&[&boxed, compatible.concat().as_bytes(), b"\0\0\0\x08avif"])
}

#[test]
fn media_files_are_named_by_all_their_brands() {
    let heic = ["heic", "heix", "hevc", "hevx", "heim", "heis", "hevm", "hevs"];
    for brand in heic {
        assert_eq!(identify(&ftyp(brand, &[])), Err(Problem::Unsupported("a HEIC")), "{brand}");
        assert_eq!(identify(&ftyp("mif1", &["mif1", brand])), Err(Problem::Unsupported("a HEIC")), "{brand}");
    }
    let rows: &[(&str, &[&str], &str)] = &[
        ("avif", &["mif1", "miaf"], "an AVIF"),
        ("avis", &["msf1", "iso8"], "an AVIF"),
        ("mif1", &["mif1", "avif", "miaf"], "an AVIF"),
        ("msf1", &["msf1", "avis"], "an AVIF"),
        ("miaf", &["miaf", "avif"], "an AVIF"),
        ("hevc", &["msf1", "hevc"], "a HEIC"),
        ("mif1", &[], "a HEIF"),
        ("msf1", &["iso8"], "a HEIF"),
        ("crx ", &["crx ", "isom"], "a raw photo of a camera (CR3)"),
        ("isom", &["iso2", "avc1", "mp41"], "a video"),
        ("qt  ", &[], "a video"),
    ];
    for (major, compatible, name) in rows {
        let file = ftyp(major, compatible);
        assert_eq!(identify(&file), Err(Problem::Unsupported(name)), "{major} {compatible:?}");
    }
    // Cut anywhere, or of a length that is not true: still a file of this family.
    for length in 8..ftyp("mif1", &["avif"]).len() {
        let cut = &ftyp("mif1", &["avif"])[..length];
        assert!(matches!(identify(cut), Err(Problem::Unsupported(_))), "{length} bytes");
    }
    for length in [0, 8, 15, u32::MAX] {
        let mut file = ftyp("mif1", &["avif"]);
        file[..4].copy_from_slice(&length.to_be_bytes());
        assert!(matches!(identify(&file), Err(Problem::Unsupported(_))), "a length of {length}");
    }
}

#[test]
fn what_is_unknown_is_not_an_image() {
    let rows: [&[u8]; 9] = [
        b"",
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"{\"code\":200}",
        b"hello",
        b"\xff\xd8",
        b"\x89PNG\n\x1a\n",
        b"RIFF\x24\0\0\0WAVEfmt ",
        b"RIFX\x24\0\0\0WEBPVP8 ",
        b"   ",
    ];
    for bytes in rows {
        assert_eq!(identify(bytes), Err(Problem::NotAnImage), "{bytes:?}");
    }
}

#[test]
fn the_size_of_the_file_is_checked() {
    let good = png(330, 220);
    let header = Ok(Header { format: Format::Png, size: Some((330, 220)) });
    let gif: &[u8] = b"GIF89a";
    let rows = [
        ("empty", &good[..], 0, Err(Problem::Empty)),
        ("empty, and so is its head", &[][..], 0, Err(Problem::Empty)),
        ("one byte", &good, 1, header),
        ("just small enough", &good, 10 * 1024 * 1024, header),
        ("its header breaks off", &good[..20], 20, Err(Problem::CutOff)),
        (
            "its header breaks off, and there is more",
            &good[..20],
            21,
            Ok(Header { format: Format::Png, size: None }),
        ),
        ("one byte too many", &good, 10 * 1024 * 1024 + 1, Err(Problem::TooLarge(10_485_761))),
        ("beyond all measure", &good, u64::MAX, Err(Problem::TooLarge(u64::MAX))),
        // What it is says more than how large it is: making it smaller would not help.
        ("a large GIF", gif, u64::MAX, Err(Problem::Unsupported("a GIF"))),
    ];
    for (row, head, bytes, expected) in rows {
        assert_eq!(check(head, bytes), expected, "{row}");
    }
}

#[test]
fn problems_are_sentences() {
    let rows = [
        (Problem::Empty, "The file is empty."),
        (Problem::CutOff, "The file is damaged or cut off in its header."),
        // Rounded up: "10.0 MB; at most 10 MB" would be a riddle.
        (Problem::TooLarge(MAX_BYTES + 1), "The file has 10.1 MB; at most 10 MB are taken."),
        (Problem::TooLarge(11 * 1024 * 1024), "The file has 11.0 MB; at most 10 MB are taken."),
        (Problem::TooLarge(13_000_000), "The file has 12.4 MB; at most 10 MB are taken."),
        (Problem::TooLarge(123 * 1024 * 1024 + 1), "The file has 123.1 MB; at most 10 MB are taken."),
        (Problem::Unsupported("a HEIC"), "The file is a HEIC; only jpeg, png and webp are taken."),
        (Problem::NotAnImage, "The file is not an image; jpeg, png and webp are taken."),
    ];
    for (problem, sentence) in rows {
        assert_eq!(problem.to_string(), sentence);
    }
    assert!(Problem::TooLarge(u64::MAX).to_string().ends_with(" MB; at most 10 MB are taken."));
}

/// They are promises of the README and the documentation, so they do not change unseen.
#[test]
fn limits_and_media_types_are_the_documented_ones() {
    assert_eq!((MAX_BYTES, MAX_PIXELS, MAX_SIDE, MIN_SIDE), (10_485_760, 16_000_000, 4096, 32));
    assert_eq!(Format::Jpeg.mime(), "image/jpeg");
    assert_eq!(Format::Png.mime(), "image/png");
    assert_eq!(Format::Webp.mime(), "image/webp");
}
