//! The chunks of a webp, before the decoder reads them: it makes room for a chunk by the length that the chunk claims,
//! and 4 GB are more than a WebAssembly has.

/// As much of the file as has whole chunks (RFC 9649). What a cut chunk holds beside pixels, such as EXIF, nobody needs;
/// where it held the pixels, the decoder finds none.
pub(crate) fn whole_chunks(file: &[u8]) -> &[u8] {
    let mut end = 12;
    while let Some(header) = file.get(end..end + 8) {
        let length =
            header.iter().skip(4).rev().fold(0_usize, |length, &byte| length << 8 | usize::from(byte));
        match file.len().checked_sub(end + 8) {
            // A last chunk of odd length may lack its padding.
            Some(left) if length <= left => end = (end + 8 + length + length % 2).min(file.len()),
            _ => break,
        }
    }
    file.get(..end).unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::whole_chunks;

    fn file(chunks: &[(&[u8; 4], u32, &[u8])]) -> Vec<u8> {
        let mut bytes = b"RIFF\0\0\0\0WEBP".to_vec();
        for (name, length, content) in chunks {
            bytes.extend([name.as_slice(), &length.to_le_bytes(), content].concat());
        }
        bytes
    }

    #[test]
    fn a_chunk_that_claims_more_than_there_is_ends_the_file() {
        for length in [9, 0x7fff_ffff, 0xffff_fff0, u32::MAX] {
            let whole = file(&[(b"VP8 ", 3, b"abc\0"), (b"EXIF", length, b"12345678")]);
            assert_eq!(whole_chunks(&whole).len(), whole.len() - 16, "{length}");
        }
        let whole = file(&[(b"VP8 ", 3, b"abc\0"), (b"EXIF", 8, b"12345678")]);
        assert_eq!(whole_chunks(&whole), whole);
    }

    #[test]
    fn files_of_any_length_are_borne() {
        let whole = file(&[(b"VP8X", 10, b"0123456789"), (b"VP8 ", 3, b"abc")]);
        assert_eq!(whole_chunks(&whole), whole, "without its padding");
        for length in 0..whole.len() {
            let cut = whole.get(..length).unwrap_or_default();
            assert!(whole.starts_with(whole_chunks(cut)), "{length} bytes");
        }
    }
}
