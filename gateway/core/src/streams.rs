//! Event streams: which tasks each one is of. Held in memory alone; a reader whose stream breaks opens another.

use std::collections::{BTreeMap, BTreeSet};

use crate::input::StreamId;

/// The open streams.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    by_job: BTreeMap<String, BTreeSet<StreamId>>,
    by_stream: BTreeMap<StreamId, BTreeSet<String>>,
}

impl Streams {
    pub(crate) fn subscribe(&mut self, stream: StreamId, job: &str) {
        self.by_job.entry(job.to_owned()).or_default().insert(stream);
        self.by_stream.entry(stream).or_default().insert(job.to_owned());
    }

    /// The streams that are of a job.
    pub(crate) fn of_job(&self, job: &str) -> Vec<StreamId> {
        self.by_job.get(job).into_iter().flatten().copied().collect()
    }

    /// Whether a stream is of any job.
    pub(crate) fn is_open(&self, stream: StreamId) -> bool {
        self.by_stream.contains_key(&stream)
    }

    /// A job has ended. The streams that are of no other job.
    pub(crate) fn end(&mut self, job: &str) -> Vec<StreamId> {
        let streams = self.by_job.remove(job).unwrap_or_default();
        streams.into_iter().filter(|stream| self.remove(*stream, job)).collect()
    }

    /// A stream was closed.
    pub(crate) fn unsubscribe(&mut self, stream: StreamId) {
        for job in self.by_stream.remove(&stream).unwrap_or_default() {
            if let Some(streams) = self.by_job.get_mut(&job) {
                streams.remove(&stream);
                if streams.is_empty() {
                    self.by_job.remove(&job);
                }
            }
        }
    }

    /// Whether that was the last job of the stream.
    fn remove(&mut self, stream: StreamId, job: &str) -> bool {
        let Some(jobs) = self.by_stream.get_mut(&stream) else { return false };
        jobs.remove(job);
        let is_last = jobs.is_empty();
        if is_last {
            self.by_stream.remove(&stream);
        }
        is_last
    }
}
