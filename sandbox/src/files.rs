//! The files that the sandbox serves: uploads and results.

use std::collections::VecDeque;

use crate::machine::Request;
use crate::reply::Reply;

/// The path under which results are served.
pub(crate) const RESULTS: &str = "/files/results/";

/// What all files together may take, in bytes; beyond it the oldest go.
const MAX_TOTAL_BYTES: usize = 256 * 1024 * 1024;

/// How long a file is served: 24 h, the shortest time that any page of the vendor's gives.
const LIFETIME_MS: u64 = 24 * 60 * 60 * 1000;

#[derive(Debug)]
struct File {
    path: String,
    media_type: &'static str,
    stored: u64,
    bytes: Vec<u8>,
}

/// Oldest first.
#[derive(Debug, Default)]
pub(crate) struct Files(VecDeque<File>);

impl Files {
    /// Keeps a file in place of what had its path.
    pub(crate) fn put(&mut self, path: String, media_type: &'static str, bytes: Vec<u8>, now: u64) {
        self.0.retain(|file| file.path != path && file.stored + LIFETIME_MS > now);
        self.0.push_back(File { path, media_type, stored: now, bytes });
        let mut total: usize = self.0.iter().map(|file| file.bytes.len()).sum();
        // A single file above the bound stays: what was just made must be fetchable.
        while total > MAX_TOTAL_BYTES && self.0.len() > 1 {
            total -= self.0.pop_front().map_or(0, |file| file.bytes.len());
        }
    }

    fn find(&self, path: &str, now: u64) -> Option<&File> {
        self.0.iter().rfind(|file| file.path == path && file.stored + LIFETIME_MS > now)
    }

    pub(crate) fn bytes(&self, path: &str, now: u64) -> Option<&[u8]> {
        self.find(path, now).map(|file| file.bytes.as_slice())
    }

    /// Serves a file, or the part of it that the `Range` header asks for (RFC 9110, 14.2).
    pub(crate) fn serve(&self, request: &Request, now: u64) -> Reply {
        let Some(file) = self.find(&request.path, now) else {
            return Reply::new(404, "text/plain", b"There is no such file, or no longer.".to_vec());
        };
        let length = file.bytes.len();
        let (status, part) = match request.range.as_deref().and_then(|range| parse_range(range, length)) {
            None => (200, Some(0..length)),
            Some(part) => (206, part),
        };
        let Some((part, bytes)) = part.and_then(|part| Some((part.clone(), file.bytes.get(part)?))) else {
            return Reply::empty(416).header("content-range", format!("bytes */{length}"));
        };
        let mut reply = Reply::new(status, file.media_type, bytes.to_vec())
            .header("content-length", bytes.len().to_string())
            .header("accept-ranges", "bytes")
            // An upload may claim to be a page; it must not act as one beside the demo.
            .header("x-content-type-options", "nosniff");
        if status == 206 {
            let last = part.end.saturating_sub(1);
            reply = reply.header("content-range", format!("bytes {}-{last}/{length}", part.start));
        }
        reply
    }
}

/// `None`: nothing that is understood, so the whole file is served, as the RFC
/// wants (several ranges at once are not understood). `Some(None)`: outside the file.
fn parse_range(header: &str, length: usize) -> Option<Option<std::ops::Range<usize>>> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    if first.is_empty() {
        let suffix: usize = last.parse().ok()?;
        return Some((suffix > 0 && length > 0).then(|| length.saturating_sub(suffix)..length));
    }
    let first: usize = first.parse().ok()?;
    let end = match last {
        "" => length,
        last => last.parse::<usize>().ok()?.saturating_add(1).min(length),
    };
    Some((first < end).then_some(first..end))
}

#[cfg(test)]
mod tests {
    use super::{Files, LIFETIME_MS, MAX_TOTAL_BYTES, parse_range};
    use crate::machine::Request;

    #[test]
    fn ranges() {
        assert_eq!(parse_range("bytes=0-3", 10), Some(Some(0..4)));
        assert_eq!(parse_range("bytes=4-", 10), Some(Some(4..10)));
        assert_eq!(parse_range("bytes=-3", 10), Some(Some(7..10)));
        assert_eq!(parse_range("bytes=0-65535", 10), Some(Some(0..10)));
        assert_eq!(parse_range("bytes=10-", 10), Some(None));
        assert_eq!(parse_range("bytes=-0", 10), Some(None));
        assert_eq!(parse_range("bytes=0-1,4-5", 10), None);
        assert_eq!(parse_range("lines=0-1", 10), None);
    }

    #[test]
    fn a_part_says_where_it_is_from() {
        let mut files = Files::default();
        files.put("/files/a".into(), "image/png", b"0123456789".to_vec(), 0);
        let request =
            Request { path: "/files/a".into(), range: Some("bytes=2-4".into()), ..Request::default() };
        let reply = files.serve(&request, 1);
        assert_eq!((reply.status, reply.body.as_slice()), (206, b"234".as_slice()));
        assert!(reply.headers.contains(&("content-range", "bytes 2-4/10".into())));
        assert!(reply.headers.contains(&("content-length", "3".into())));
    }

    #[test]
    fn the_oldest_make_room() {
        let mut files = Files::default();
        for name in ["a", "b", "c"] {
            files.put(name.into(), "image/png", vec![0; MAX_TOTAL_BYTES / 2], 0);
        }
        assert!(files.bytes("a", 0).is_none());
        assert!(files.bytes("b", 0).is_some() && files.bytes("c", 0).is_some());
    }

    #[test]
    fn a_file_is_replaced_and_expires() {
        let mut files = Files::default();
        files.put("a".into(), "image/png", vec![1], 0);
        files.put("a".into(), "image/png", vec![2], 1000);
        assert_eq!(files.bytes("a", LIFETIME_MS + 999), Some([2].as_slice()));
        assert_eq!(files.bytes("a", LIFETIME_MS + 1000), None);
    }
}
