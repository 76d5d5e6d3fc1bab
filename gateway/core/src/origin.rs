//! Which pages may call, and what a browser must be told so that they can. A second fence, since
//! anybody but a browser can send any `Origin`.

use url::{Host, Url};

use crisp_upscale_core::failure::Failure;

/// What a page may send; also what a preflight is answered.
const METHODS: &str = "GET, POST";
const HEADERS: &str = "Authorization, Content-Type, Idempotency-Key";

/// For how long a browser need not ask again, in seconds: the most that Chromium keeps it for.
const MAX_AGE: &str = "7200";

/// Headers of a reply.
pub type Headers<'a> = Vec<(&'static str, &'a str)>;

/// The pages that may call.
#[derive(Clone, Debug, Default)]
pub struct Origins(Vec<String>);

impl Origins {
    /// The setting `ORIGINS`.
    ///
    /// # Errors
    /// An item is no origin.
    pub fn new(origins: &str) -> Result<Self, Box<Failure>> {
        list("ORIGINS", origins).map(Origins)
    }

    /// Who calls, by the header `Origin`; `own` is the origin that the request was sent to.
    #[must_use]
    pub fn visitor<'a>(&self, origin: Option<&'a str>, own: &str) -> Visitor<'a> {
        match origin {
            None => Visitor::NoPage,
            Some(origin) if origin == own || self.0.iter().any(|listed| listed == origin) => {
                Visitor::Page(origin)
            }
            Some(_) => Visitor::Stranger,
        }
    }
}

/// Who calls, as far as `Origin` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visitor<'a> {
    /// No page, or one of our own that only reads.
    NoPage,
    /// A page that may call.
    Page(&'a str),
    /// A page that may not: to be refused, whatever its token is.
    Stranger,
}

impl<'a> Visitor<'a> {
    /// Headers that every reply carries, a refusal too: a page can read a reply only so.
    #[must_use]
    pub fn headers(self) -> Headers<'a> {
        // Said to all, or a cache would hand one page's reply to another.
        let mut headers = vec![("Vary", "Origin")];
        if let Visitor::Page(origin) = self {
            headers.push(("Access-Control-Allow-Origin", origin));
            headers.push(("Access-Control-Expose-Headers", "Retry-After"));
        }
        headers
    }

    /// Headers of the reply to a preflight, an OPTIONS. Without a token; a stranger's has only `Vary`.
    #[must_use]
    pub fn preflight_headers(self) -> Headers<'a> {
        let mut headers = vec![("Vary", "Origin")];
        if let Visitor::Page(origin) = self {
            headers.push(("Access-Control-Allow-Origin", origin));
            headers.push(("Access-Control-Allow-Methods", METHODS));
            headers.push(("Access-Control-Allow-Headers", HEADERS));
            headers.push(("Access-Control-Max-Age", MAX_AGE));
        }
        headers
    }
}

/// The origins that a setting lists, as browsers write them; spaces between them.
pub(crate) fn list(setting: &str, items: &str) -> Result<Vec<String>, Box<Failure>> {
    items
        .split_whitespace()
        .map(|item| {
            origin(item).ok_or_else(|| {
                Failure::invalid(&format!(
                    "{setting} lists \"{item}\", which is no origin. Give scheme, host and port alone, like \
                     https://www.example.com or http://127.0.0.1:8080."
                ))
            })
        })
        .collect()
}

fn origin(item: &str) -> Option<String> {
    let url = Url::parse(item).ok().filter(|url| matches!(url.scheme(), "https" | "http"))?;
    // The parser takes a name with a star in it, as if that could match.
    let exact = !matches!(url.host()?, Host::Domain(name) if name.contains('*'));
    let origin = url.origin().ascii_serialization();
    let alone = url.as_str().strip_suffix('/') == Some(&origin);
    (exact && alone).then_some(origin)
}
