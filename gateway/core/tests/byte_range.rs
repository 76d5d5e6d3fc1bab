//! Which `Range` headers are passed on.
#![allow(clippy::unwrap_used)]

use crisp_upscale_gateway_core::byte_range::ByteRange;

#[test]
fn one_range_from_a_first_byte_is_read_and_written_as_it_came() {
    for (header, first, last) in
        [("bytes=0-65535", 0, Some(65_535)), ("bytes=7-7", 7, Some(7)), ("bytes=10-", 10, None)]
    {
        let range = ByteRange::read(header);
        assert_eq!(range, Some(ByteRange { first, last }), "{header}");
        assert_eq!(range.map(ByteRange::header).as_deref(), Some(header));
    }
}

#[test]
fn a_part_ends_with_the_file_at_the_latest() {
    for (header, content_range) in [
        ("bytes=0-9", "bytes 0-9/100"),
        ("bytes=90-", "bytes 90-99/100"),
        ("bytes=90-200", "bytes 90-99/100"),
    ] {
        let range = ByteRange::read(header).unwrap();
        assert_eq!(range.content_range(100), content_range, "{header}");
    }
}

#[test]
fn whatever_else_a_range_may_be_is_left_out() {
    for header in [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=-5",
        "bytes=5-4",
        "bytes=0-1,3-4",
        "bytes=+1-2",
        "bytes= 1-2",
        "bytes=1-2 ",
        "items=0-1",
        "bytes=0-9007199254740992",
        "bytes=99999999999999999999-",
        "bytes=0x1-2",
    ] {
        assert_eq!(ByteRange::read(header), None, "{header}");
    }
}
