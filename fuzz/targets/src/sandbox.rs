//! What reaches the sandbox: files, and what its host tells it.

use std::collections::BTreeMap;

use crisp_upscale_core::image::identify;
use crisp_upscale_sandbox::pixels::{MAX_OUTPUT_PIXELS, enlarge};
use crisp_upscale_sandbox::{Input, Reply, Request, Sandbox, Settings};
use serde_json::Value;

const NOW: u64 = 1_786_878_073_451;

/// What is decoded here, in pixels by what its header says. A larger image takes seconds, as it must, and would leave the
/// fuzzer no time; one whose header says little and that decodes to much is still found.
const SLOW_PIXELS: u64 = 64 * 1024;

/// A file to enlarge. What comes of it is a PNG, as large as it should be.
pub fn pixels(data: &[u8]) {
    let size = identify(data).ok().and_then(|header| header.size);
    let pixels = |(width, height)| u64::from(width) * u64::from(height);
    if size.is_some_and(|size| (SLOW_PIXELS..=16_000_000).contains(&pixels(size))) {
        return;
    }
    match enlarge(data, 2) {
        Ok(file) => {
            let large = identify(&file).expect("a PNG").size.expect("a PNG has a size");
            assert!(pixels(large) <= MAX_OUTPUT_PIXELS);
            if let Some((width, height)) = size {
                // Or turned by a quarter.
                let expected = [(2 * width, 2 * height), (2 * height, 2 * width)];
                assert!(expected.contains(&large), "{size:?} became {large:?}");
            }
        }
        Err(reason) => assert!(!reason.is_empty()),
    }
}

/// Events, each as JSON on a line of its own with its bytes on the next, as the host tells them.
/// Whatever came, the sandbox still says what it was asked, and its books are numbers.
pub fn requests(data: &[u8]) {
    let mut sandbox = Sandbox::new(Settings { grace_period: 0, ..Settings::default() });
    let mut now = NOW;
    let mut lines = data.split(|byte| *byte == b'\n');
    while let Some(event) = lines.next() {
        let bytes = lines.next().unwrap_or_default().to_vec();
        let Ok(event) = serde_json::from_slice::<Input>(event) else { continue };
        let output = sandbox.handle(event, bytes, now);
        if let Some(reply) = &output.reply {
            can_be_sent(reply);
        }
        serde_json::to_string(&output).expect("a output is JSON");
        now += 1_000;
    }
    let request =
        Request { method: "GET".to_owned(), path: "/sandbox/ledger".to_owned(), ..Request::default() };
    let reply = sandbox.handle(Input::Request(request), Vec::new(), now).reply.expect("a ledger");
    let ledger: Value = serde_json::from_slice(&reply.body).expect("JSON");
    assert!(ledger["credits"].is_number() && ledger["reserved"].is_number(), "{ledger}");
}

/// A host can make a `Response` of it: the fetch standard's bounds of a status, no body where there is
/// none, and headers of one line.
fn can_be_sent(reply: &Reply) {
    assert!((200..=599).contains(&reply.status), "{}", reply.status);
    assert!(!matches!(reply.status, 204 | 205 | 304) || reply.body.is_empty(), "{}", reply.status);
    let mut seen = BTreeMap::new();
    for (name, value) in &reply.headers {
        // The standard takes the bytes of Latin-1, and neither NUL nor line breaks.
        assert!(
            value.chars().all(|char| u32::from(char) < 256 && !"\0\r\n".contains(char)),
            "{name}: {value:?}"
        );
        assert!(seen.insert(*name, value).is_none(), "{name} twice");
    }
}
