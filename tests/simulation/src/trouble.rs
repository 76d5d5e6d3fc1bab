//! What can go wrong in a world, each thing at a place of its own, so that a world can be played again with some of it.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// A kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// No connection was made, and the runtime proves it.
    Undialled,
    /// A request never arrives.
    RequestLost,
    /// A request arrives late, perhaps after its sender has given it up.
    RequestLate,
    /// Something in between answers, and the request never arrives.
    ProxyBefore,
    /// A POST arrives twice, as browsers send it again by themselves.
    Doubled,
    /// A reply never comes.
    ReplyLost,
    /// A reply comes late.
    ReplyLate,
    /// A reply breaks off.
    ReplyCut,
    /// A reply is not what was sent.
    ReplyCorrupt,
    /// Something in between answers instead.
    ProxyAfter,
    /// The service answers with another code than it should.
    Code,
    /// The service makes a task, and then breaks.
    Breaks,
    /// The service makes no task, and answers with the one of an earlier createTask of the gateway's.
    Repeats,
    /// recordInfo does not know a new task for long.
    Hidden,
    /// A task never ends.
    Stuck,
    /// A task fails.
    Fails,
    /// A failed task is charged, and its record says so.
    ChargedFailure,
    /// A task has succeeded, and its record names no file.
    Nameless,
    /// A callback does not come.
    CallbackLost,
    /// It comes more than once.
    CallbackTwice,
    /// It comes late.
    CallbackLate,
    /// A stranger posts one, with another secret or of another task.
    CallbackForged,
    /// A client's process ends and is started again.
    Crash,
    /// The user stops waiting, and comes back later if there is a task.
    Abort,
    /// A client's machine sleeps.
    Sleep,
    /// A client's wall clock is set.
    ClockSet,
    /// A client cannot get its token.
    NoToken,
    /// The reply of a gateway announces a stream that leads elsewhere.
    Misled,
    /// A stream breaks.
    StreamCut,
    /// A stream goes silent.
    StreamSilent,
    /// The object of the gateway is cut off and loaded again.
    ObjectCrash,
    /// Others fill the queue of the gateway.
    Overrun,
    /// The caller's own callback does not take the end, or the result cannot be copied.
    ChoreFails,
}

/// All of them, with their words and how many there are of each in 100,000 chances.
const ALL: [(Trouble, &str, u64); 33] = [
    (Trouble::Undialled, "undialled", 1_500),
    (Trouble::RequestLost, "request-lost", 1_500),
    (Trouble::RequestLate, "request-late", 1_000),
    (Trouble::ProxyBefore, "proxy-before", 1_000),
    (Trouble::Doubled, "doubled", 6_000),
    (Trouble::ReplyLost, "reply-lost", 2_500),
    (Trouble::ReplyLate, "reply-late", 1_500),
    (Trouble::ReplyCut, "reply-cut", 1_500),
    (Trouble::ReplyCorrupt, "reply-corrupt", 1_500),
    (Trouble::ProxyAfter, "proxy-after", 1_500),
    (Trouble::Code, "code", 3_000),
    (Trouble::Breaks, "breaks", 2_000),
    (Trouble::Repeats, "repeats", 500),
    (Trouble::Hidden, "hidden", 5_000),
    (Trouble::Stuck, "stuck", 400),
    (Trouble::Fails, "fails", 5_000),
    (Trouble::ChargedFailure, "charged-failure", 20_000),
    (Trouble::Nameless, "nameless", 2_000),
    (Trouble::CallbackLost, "callback-lost", 15_000),
    (Trouble::CallbackTwice, "callback-twice", 10_000),
    (Trouble::CallbackLate, "callback-late", 15_000),
    (Trouble::CallbackForged, "callback-forged", 5_000),
    (Trouble::Crash, "crash", 700),
    (Trouble::Abort, "abort", 500),
    (Trouble::Sleep, "sleep", 500),
    (Trouble::ClockSet, "clock-set", 500),
    (Trouble::NoToken, "no-token", 700),
    (Trouble::Misled, "misled", 2_000),
    (Trouble::StreamCut, "stream-cut", 3_000),
    (Trouble::StreamSilent, "stream-silent", 3_000),
    (Trouble::ObjectCrash, "object-crash", 1_500),
    (Trouble::Overrun, "overrun", 5_000),
    (Trouble::ChoreFails, "chore-fails", 20_000),
];

impl Trouble {
    /// How many there are in 100,000 chances.
    pub(crate) fn rate(self) -> u64 {
        ALL[self as usize].2
    }

    pub(crate) fn word(self) -> &'static str {
        ALL[self as usize].1
    }
}

/// The object of the gateway, as an owner of trouble.
pub(crate) const ACCOUNT: u32 = 0xff_ffff;

/// From here on the owners of trouble are jobs of the gateway.
const OBJECTS: u32 = 0x80_0000;

/// How many jobs a call may have: one for each `Idempotency-Key`.
const OBJECTS_OF_A_CALL: u32 = 256;

/// Whether an owner of trouble is a job of the gateway.
pub(crate) fn is_job(owner: u32) -> bool {
    (OBJECTS..ACCOUNT).contains(&owner)
}

/// The `nth` job of a call, as an owner of trouble.
pub(crate) fn object_owner(call: usize, nth: usize) -> u32 {
    OBJECTS + call as u32 * OBJECTS_OF_A_CALL + nth as u32
}

/// What a call, a call's job or the gateway's object is called.
pub(crate) fn name_of(owner: u32) -> String {
    match owner {
        ACCOUNT => "a".to_owned(),
        owner if owner >= OBJECTS => {
            let (call, nth) = ((owner - OBJECTS) / OBJECTS_OF_A_CALL, owner % OBJECTS_OF_A_CALL);
            format!("{call}-{nth}")
        }
        call => call.to_string(),
    }
}

/// One thing that went wrong: to whom, what, and the how manieth chance of it that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub(crate) owner: u32,
    pub(crate) trouble: Trouble,
    pub(crate) nth: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", name_of(self.owner), self.trouble.word(), self.nth)
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text} is no trouble: it would be like 3.reply-lost.2");
        let mut parts = text.split('.');
        let (Some(owner), Some(word), Some(nth), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        let number = |text: &str| text.parse::<u16>().map_err(|_| wrong());
        let owner = match owner.split_once('-') {
            _ if owner == "a" => ACCOUNT,
            Some((call, nth)) => object_owner(number(call)?.into(), number(nth)?.into()),
            None => number(owner)?.into(),
        };
        let (trouble, ..) = ALL.into_iter().find(|(_, known, _)| *known == word).ok_or_else(wrong)?;
        Ok(Place { owner, trouble, nth: nth.parse().map_err(|_| wrong())? })
    }
}

/// What is left of a world: which of its calls are made, and what goes wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The calls.
    pub calls: BTreeSet<u32>,
    /// What goes wrong.
    pub troubles: BTreeSet<Place>,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls = self.calls.iter().map(u32::to_string);
        let all: Vec<String> = calls.chain(self.troubles.iter().map(Place::to_string)).collect();
        f.write_str(&all.join(","))
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut part = Part::default();
        for item in text.split(',').filter(|item| !item.is_empty()) {
            match item.parse() {
                Ok(call) => drop(part.calls.insert(call)),
                Err(_) => drop(part.troubles.insert(item.parse()?)),
            }
        }
        Ok(part)
    }
}
