//! Whether a jpeg is whole. The decoder fills in grey for what is missing and
//! says nothing, but half an upload must not come back as half a picture.

/// Whether the end marker follows the image data. A search for its two bytes
/// would find the one in an embedded preview, so the segments are walked
/// (ISO/IEC 10918-1, annex B).
pub(crate) fn has_end(bytes: &[u8]) -> bool {
    scan_to_end(bytes).is_some()
}

/// Two copies of a file that lacks its end marker, each with other image data and a marker behind it. If the image data
/// of the file is whole, no decoder reads what follows, and both are the same picture. If not, its missing end is read
/// from there, and they differ.
pub(crate) fn continued(bytes: &[u8]) -> [Vec<u8>; 2] {
    // The first byte of a marker that was cut.
    let end = bytes.iter().rposition(|&byte| byte != 0xff).map_or(0, |at| at + 1);
    let whole = bytes.get(..end).unwrap_or_default();
    // More than any decoder reads ahead. In image data, 0xff is followed by 0.
    [[0, 0], [0xff, 0]].map(|filler| [whole, filler.repeat(64).as_slice(), b"\xff\xd9"].concat())
}

fn scan_to_end(bytes: &[u8]) -> Option<()> {
    let mut at = 2;
    loop {
        // Between segments and inside image data alike: on to the next marker.
        at += bytes.get(at..)?.iter().position(|&byte| byte == 0xff)?;
        let marker = *bytes.get(at + 1)?;
        at += match marker {
            0xd9 => return Some(()),
            // Another 0xff only pads.
            0xff => 1,
            // A stuffed 0xff of the image data, and markers without a segment.
            0x00 | 0x01 | 0xd0..=0xd8 => 2,
            _ => {
                let length = [*bytes.get(at + 2)?, *bytes.get(at + 3)?];
                2 + usize::from(u16::from_be_bytes(length))
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{continued, has_end};

    // A preview with an end marker of its own, then image data with a stuffed byte.
    const WHOLE: &[u8] =
        b"\xff\xd8\xff\xe1\x00\x06\xff\xd8\xff\xd9\xff\xda\x00\x02\x12\xff\x00\x34\xff\xd0\x56\xff\xd9";

    #[test]
    fn the_end_marker_counts_only_after_the_image_data() {
        assert!(has_end(WHOLE));
        for length in 0..WHOLE.len() {
            assert!(!has_end(WHOLE.get(..length).unwrap_or_default()), "{length} bytes");
        }
    }

    #[test]
    fn what_follows_the_end_is_nobodys_business() {
        assert!(has_end(&[WHOLE, b"trailer"].concat()));
    }

    #[test]
    fn what_continues_a_file_is_image_data() {
        let cut = WHOLE.get(..WHOLE.len() - 1).unwrap_or_default();
        for file in continued(cut) {
            assert!(has_end(&file));
            assert_eq!(file.get(..cut.len() - 1), cut.get(..cut.len() - 1));
        }
        assert!(continued(b"\xff\xff").iter().all(|file| file.len() == 130));
    }
}
