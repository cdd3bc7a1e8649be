//! Why a system call did not do what was asked. The type says who is to blame: the caller's
//! arguments, the caller's authority, the caller's quota, or the peer.

codes! {
    /// The result code of a failed system call (`rax`, never 0).
    Error:
    /// The number in `rax` names no system call.
    InvalidSystemCall = 1, "no such system call";
    /// The handle's index or generation names nothing in the caller's table.
    InvalidHandle = 2, "invalid or stale handle";
    /// The handle names an object of another kind.
    WrongType = 3, "handle names an object of another kind";
    /// The handle lacks a right that this call needs.
    MissingRight = 4, "handle lacks the right for this call";
    /// An argument is out of its range.
    InvalidArgument = 5, "argument out of range";
    /// A user address is null, unmapped, in the kernel half, or mapped without the needed access.
    InvalidAddress = 6, "address is not accessible in the way needed";
    /// The quota that would be charged has no room.
    QuotaExceeded = 7, "quota exceeded";
    /// The receiver's quota has no room for the handles sent, or it offered no room for them.
    ReceiverRefused = 8, "receiver cannot take the handles sent";
    /// The range overlaps an existing mapping.
    AlreadyMapped = 9, "address range already mapped";
    /// Nothing is mapped there.
    NotMapped = 10, "nothing is mapped there";
    /// The object is already bound, or is being used in a way that excludes this.
    Busy = 11, "object is busy or already bound";
    /// The server died, or closed its port, before it replied.
    ServerDied = 12, "the server died before it replied";
    /// The server is alive but gave up its reply without answering.
    NoReply = 13, "the server dropped the call without an answer";
    /// There is no caller to reply to, or it is gone.
    NoCaller = 14, "no caller waits for this reply";
    /// The call carries no such lease, or the lease does not allow this access or range.
    LeaseDenied = 15, "the lease does not allow this access";
    /// The process or thread this handle names is dead.
    Dead = 16, "the process or thread is dead";
    /// The thread is not in a state in which this is possible.
    WrongState = 17, "the thread is not in the needed state";
    /// No contiguous range of that size is free.
    Fragmented = 18, "no contiguous memory of that size is free";
    /// The machine has no such interrupt line, I/O port or physical range, or another owns it.
    NoSuchResource = 19, "no such machine resource, or it is taken";
}

impl core::fmt::Display for Error {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(self.text())
    }
}

impl core::error::Error for Error {}
