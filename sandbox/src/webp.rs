//! The chunks of a webp (RFC 9649), put right before the decoder reads them: it makes room for a chunk by the length that
//! the chunk claims, and 4 GB are more than a WebAssembly has.

use std::borrow::Cow;

/// Where the first chunk begins.
const CHUNKS: usize = 12;
/// Where the flags of the extended form are.
const FLAGS: usize = 20;
/// The metadata that browsers do without, and its flags.
const METADATA: [(&[u8], u8); 2] = [(b"EXIF", 0x08), (b"XMP ", 0x04)];

/// The file with a last chunk that claims no more than there is, and with no flag of metadata that is not there.
/// Where pixels are missing, the decoder says so.
pub(crate) fn honest(file: &[u8]) -> Cow<'_, [u8]> {
    let mut file = Cow::Borrowed(file);
    let mut at = CHUNKS;
    let mut missing = METADATA.to_vec();
    while let Some((name, length)) = chunk(&file, at) {
        missing.retain(|(known, _)| name != *known);
        let left = file.len() - at - 8;
        if length > left {
            let claimed = file.to_mut().iter_mut().skip(at + 4);
            // What is left of a file of at most 10 MB is a number of four bytes.
            claimed.zip((left as u32).to_le_bytes()).for_each(|(byte, honest)| *byte = honest);
        }
        at += 8 + length.min(left).next_multiple_of(2);
    }
    if file.get(CHUNKS..CHUNKS + 4) == Some(b"VP8X") {
        let untrue = missing.iter().fold(0, |flags, (_, flag)| flags | flag);
        if file.get(FLAGS).is_some_and(|flags| flags & untrue != 0)
            && let Some(flags) = file.to_mut().get_mut(FLAGS)
        {
            *flags &= !untrue;
        }
    }
    file
}

/// The name of the chunk there, and the length that it claims.
fn chunk(file: &[u8], at: usize) -> Option<(Vec<u8>, usize)> {
    let (name, length) = file.get(at..at + 8)?.split_at(4);
    Some((name.to_vec(), u32::from_le_bytes(length.try_into().ok()?) as usize))
}

#[cfg(test)]
mod tests {
    use super::honest;

    fn file(chunks: &[(&[u8; 4], u32, &[u8])]) -> Vec<u8> {
        let mut bytes = b"RIFF\0\0\0\0WEBP".to_vec();
        for (name, length, content) in chunks {
            bytes.extend([name.as_slice(), &length.to_le_bytes(), content].concat());
        }
        bytes
    }

    #[test]
    fn a_chunk_claims_no_more_than_there_is() {
        let true_file = file(&[(b"VP8 ", 3, b"abc\0"), (b"EXIF", 8, b"12345678")]);
        assert_eq!(honest(&true_file), true_file);
        for length in [9, 0x7fff_ffff, 0xffff_fff0, u32::MAX] {
            let other = file(&[(b"VP8 ", 3, b"abc\0"), (b"EXIF", length, b"12345678")]);
            assert_eq!(honest(&other), true_file, "{length}");
        }
    }

    #[test]
    fn metadata_that_is_not_there_has_no_flag() {
        let extended = |flags: u8| [&[flags], b"123456789".as_slice()].concat();
        let chunk = (b"EXIF", 2, b"ab".as_slice());
        // All flags that there are: animation, XMP, EXIF, alpha, profile.
        assert_eq!(honest(&file(&[(b"VP8X", 10, &extended(0x3e))])), file(&[(b"VP8X", 10, &extended(0x32))]));
        let with_exif = honest(&file(&[(b"VP8X", 10, &extended(0x3e)), chunk])).into_owned();
        assert_eq!(with_exif, file(&[(b"VP8X", 10, &extended(0x3a)), chunk]));
        // Without the extended form there are no flags.
        let plain = file(&[(b"VP8 ", 10, &extended(0x3e))]);
        assert_eq!(honest(&plain), plain);
    }

    #[test]
    fn files_of_any_length_are_borne() {
        let whole = file(&[(b"VP8X", 10, b"\x000123456789"), (b"VP8 ", 3, b"abc")]);
        for length in 0..=whole.len() {
            let cut = whole.get(..length).unwrap_or_default();
            assert_eq!(honest(cut).len(), length);
        }
    }
}
