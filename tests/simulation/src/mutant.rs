//! Defects, each against one of the laws, to show that the checks can fail.

/// A defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// A client sends createTask again after a lost reply.
    SendsAgain,
    /// A client uses another `Idempotency-Key` for each try.
    NewKeyEachTime,
    /// The gateway sends createTask before the attempt is on the disk.
    SendsBeforeStoring,
    /// The gateway sends a createTask again that was cut off.
    SendsAfterReload,
    /// The gateway forgets what it stored when it is cut off.
    LosesObjects,
    /// A client forgets what it stored when it crashes.
    LosesStore,
    /// A client writes an attempt down after its reply and not before it is sent.
    WritesAfter,
    /// A time-out does not name the task.
    ForgetsTask,
    /// A client that is started again does not go on with its tasks, and says nothing of them.
    ForgetsAtRestart,
    /// A client never gives up.
    WaitsForEver,
    /// The gateway stops setting its alarm.
    DropsAlarms,
    /// A transaction is cut in two: the rows are written, and the alarm is not set.
    CutsTransactions,
    /// The queue is not derived from the rows when the account is loaded.
    ForgetsQueue,
    /// Nor is what the rate limit counts.
    ForgetsRequests,
    /// The gateway says of an attempt whose job it has deleted that it never arrived.
    ForgetsErasure,
    /// The index lets one task belong to two jobs.
    SharesTasks,
    /// The key is sent to the host of the result.
    KeyToResults,
    /// A client opens whatever stream a reply announces.
    FollowsAnywhere,
    /// Nobody waits for a slot of the rate limit.
    NoLeases,
    /// A request counts from its start and not until after its end.
    CountsStartsOnly,
    /// An unknown outcome is called free.
    SaysNo,
    /// The gateway calls a job of unknown outcome failed.
    CallsUnknownFree,
    /// A time-out is called charged.
    SaysYes,
    /// A success names another task's file.
    WrongFile,
}

/// All of them, with the law that each breaks first.
pub const MUTANTS: [(Mutant, u8); 24] = [
    (Mutant::SendsAgain, 1),
    (Mutant::NewKeyEachTime, 1),
    (Mutant::SendsBeforeStoring, 1),
    (Mutant::SendsAfterReload, 1),
    (Mutant::LosesObjects, 1),
    (Mutant::LosesStore, 1),
    (Mutant::WritesAfter, 1),
    (Mutant::ForgetsTask, 2),
    (Mutant::ForgetsAtRestart, 2),
    (Mutant::ForgetsErasure, 2),
    (Mutant::WaitsForEver, 3),
    (Mutant::DropsAlarms, 3),
    (Mutant::CutsTransactions, 3),
    (Mutant::ForgetsQueue, 3),
    (Mutant::ForgetsRequests, 5),
    (Mutant::SharesTasks, 6),
    (Mutant::KeyToResults, 4),
    (Mutant::FollowsAnywhere, 4),
    (Mutant::NoLeases, 5),
    (Mutant::CountsStartsOnly, 5),
    (Mutant::SaysNo, 6),
    (Mutant::CallsUnknownFree, 6),
    (Mutant::SaysYes, 6),
    (Mutant::WrongFile, 6),
];
