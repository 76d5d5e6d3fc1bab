//! Event streams: writing them, and reading one from chunks that are cut anywhere. By the
//! [WHATWG's specification](https://html.spec.whatwg.org/multipage/server-sent-events.html),
//! of which only names and data are used here: `id` and `retry` are passed over.

use crate::text::cut;

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

/// A reader of one stream, of which the runtime has made text. What is left in it when the stream ends is no message.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    /// The line so far.
    line: String,
    /// Whether the last chunk ended with a CR: an LF that follows belongs to it.
    after_cr: bool,
    event: String,
    data: Option<String>,
}

impl Frames {
    /// Reads on, and hands out the messages that the chunk completes.
    ///
    /// # Errors
    /// A message is too long. Those before it in this chunk are gone with it.
    pub fn feed(&mut self, chunk: &str) -> Result<Vec<Message>, TooLong> {
        let mut messages = Vec::new();
        let mut rest = chunk;
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_cr) && rest.starts_with('\n') {
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            let end = rest.bytes().position(|byte| byte == b'\n' || byte == b'\r');
            let part = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            if self.line.len() + self.data.as_ref().map_or(0, String::len) + part.len() > MAX_MESSAGE {
                return Err(TooLong);
            }
            self.line.push_str(part);
            let Some(end) = end else { break };
            self.after_cr = rest.as_bytes().get(end) == Some(&b'\r');
            messages.extend(self.end_line());
            rest = rest.get(end + 1..).unwrap_or_default();
        }
        Ok(messages)
    }

    fn end_line(&mut self) -> Option<Message> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            let mut event = std::mem::take(&mut self.event);
            if event.is_empty() {
                event.push_str("message");
            }
            return self.data.take().map(|data| Message { event, data });
        }
        let (field, value) = cut(&line, ":").unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => self.event = value.to_owned(),
            "data" => {
                let data = match self.data.take() {
                    Some(data) => data + "\n" + value,
                    None => value.to_owned(),
                };
                self.data = Some(data);
            }
            _ => {}
        }
        None
    }
}
