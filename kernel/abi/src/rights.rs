//! What a handle allows. Rights can shrink when a handle is copied or sent, and never grow.

/// Bit of a port handle's badge: the handle was passed on by whom the rest of the badge names, who does not answer for its user.
///
/// Whoever may copy a handle can mark the copy, and nobody can take the mark off: a server tells its client from
/// what the client started, and gives the latter no say over the client's settings.
pub const DELEGATED: u64 = 1 << 63;

bitflags::bitflags! {
    /// The rights of a handle. Which objects use which right is said with each right.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Rights: u16 {
        /// Port: `call`. Signal: `notify`.
        const SEND = 1 << 0;
        /// Port: `recv`, `reply_recv`, bind a signal. Signal: `wait`, `poll`, set its timer, bind it.
        const RECEIVE = 1 << 1;
        /// Region: map readable. Process, thread, quota: read statistics and state.
        const READ = 1 << 2;
        /// Region: map writable. Thread: write registers.
        const WRITE = 1 << 3;
        /// Region: map executable.
        const EXECUTE = 1 << 4;
        /// Process: grant, map, unmap, add threads, kill. Thread: start, suspend, resume, priority.
        /// Quota: carve a child, create objects on it. Irq: bind, acknowledge. Machine: mint resources.
        const CONTROL = 1 << 5;
        /// The handle may be copied, and sent in messages.
        const COPY = 1 << 6;
        /// Port: copies may be given a badge.
        const BADGE = 1 << 7;
        /// Region: its physical address may be asked for.
        const DMA = 1 << 8;
        /// Process: its memory may be read. Thread: its registers may be read.
        const DEBUG = 1 << 9;
        /// Process: its end may be watched.
        const WATCH = 1 << 10;
    }
}
