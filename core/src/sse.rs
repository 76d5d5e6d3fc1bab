//! Event streams: writing them, and reading one from chunks that are cut anywhere. By the
//! [WHATWG's specification](https://html.spec.whatwg.org/multipage/server-sent-events.html),
//! of which only names and data are used here: `id` and `retry` are passed over.

/// How long a message may be, in bytes: its data, and the line that is being read.
pub const MAX_MESSAGE: usize = 1024 * 1024;

/// A comment, which says nothing but that the stream is alive.
pub const COMMENT: &str = ":\n\n";

/// One message, as text to send. Data of several lines stay several; a line break in the name,
/// which cannot have one, is left out.
#[must_use]
pub fn event(name: &str, data: &str) -> String {
    let mut text = String::from("event: ");
    text.extend(name.chars().filter(|char| !matches!(char, '\r' | '\n')));
    for line in data.replace("\r\n", "\n").split(['\r', '\n']) {
        text.push_str("\ndata: ");
        text.push_str(line);
    }
    text.push_str("\n\n");
    text
}

/// One message, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The event's name; `message` where it has none.
    pub event: String,
    /// Its data, the lines joined by `\n`.
    pub data: String,
}

/// A message is longer than [`MAX_MESSAGE`], or the stream has no lines at all: it is to be given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// A reader of one stream. What is left in it when the stream ends is no message.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    /// The line so far.
    line: Vec<u8>,
    /// Whether a line was read before, so that no byte order mark is expected any more.
    begun: bool,
    /// Whether the last byte was a CR: an LF that follows belongs to it.
    after_cr: bool,
    event: String,
    data: Option<String>,
}

impl Frames {
    /// Reads on, and hands out the messages that the chunk completes.
    ///
    /// # Errors
    /// A message is too long. Those before it in this chunk are gone with it.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<Vec<Message>, TooLong> {
        let mut messages = Vec::new();
        for &byte in chunk {
            let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
            match byte {
                b'\n' if after_cr => {}
                b'\r' | b'\n' => messages.extend(self.end_line()),
                _ if self.line.len() + self.data.as_ref().map_or(0, String::len) < MAX_MESSAGE => {
                    self.line.push(byte);
                }
                _ => return Err(TooLong),
            }
        }
        Ok(messages)
    }

    fn end_line(&mut self) -> Option<Message> {
        // No character of UTF-8 holds the byte of a line break, so lines can be decoded one by one.
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let marked =
            if std::mem::replace(&mut self.begun, true) { None } else { line.strip_prefix('\u{feff}') };
        let line = marked.unwrap_or(&line);
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            let event = if event.is_empty() { "message".to_owned() } else { event };
            return self.data.take().map(|data| Message { event, data });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            _ => {}
        }
        None
    }
}
