use crate::event_stream;
use crate::json::Json;

/// `{code, msg, data}`: how the API wraps every reply.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope<V> {
    /// What happened, whatever the HTTP status says: 200 is success.
    pub code: i64,
    /// The API's own words; `message` on older pages of its documentation.
    pub msg: Option<String>,
    /// The content.
    pub data: Option<V>,
}

impl<V: Json> Envelope<V> {
    /// Reads an envelope; `None` where the value has no numeric `code`, in quotes or without.
    #[must_use]
    pub fn read(value: &V) -> Option<Self> {
        Some(Envelope {
            code: super::integer_at(value, "code")?,
            msg: super::non_empty(value, "msg").or_else(|| super::non_empty(value, "message")),
            data: value.get("data"),
        })
    }

    /// Where the server pushes what recordInfo would say, by the reply to createTask or recordInfo of a
    /// gateway: a path under the base URL, followed by `taskId`s in the query.
    #[must_use]
    pub fn events(&self) -> Option<String> {
        super::non_empty(self.data.as_ref()?, "events").filter(|path| event_stream::is_path(path))
    }

    /// The balance in the reply to `GET /api/v1/chat/credit`: a bare number, possibly fractional.
    #[must_use]
    pub fn credit(&self) -> Option<f64> {
        self.data.as_ref()?.number()
    }
}

/// A response, before it is classified.
#[derive(Clone, Debug, PartialEq)]
pub struct Response<V> {
    /// The HTTP status; 0 for a redirect that a browser hides.
    pub status: u16,
    /// How long the server asked us to wait (`Retry-After`), in milliseconds.
    pub retry_after: Option<u64>,
    /// The body as JSON; `None` where it is something else, was cut, or is too long.
    pub body: Option<V>,
}

impl<V: Json> Response<V> {
    /// The body's envelope, where it is one.
    #[must_use]
    pub fn envelope(&self) -> Option<Envelope<V>> {
        Envelope::read(self.body.as_ref()?)
    }
}
