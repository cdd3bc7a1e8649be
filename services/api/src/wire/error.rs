//! What can go wrong in a call.

use core::fmt;

macro_rules! protocol_errors {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        /// A message that its receiver could not accept; the label of the reply.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u16)]
        pub enum ProtocolError { $($(#[$doc])* $name = $code,)* }

        impl ProtocolError {
            /// Every error.
            pub const ALL: &'static [ProtocolError] = &[$(ProtocolError::$name,)*];

            /// The error with this code.
            #[must_use]
            pub const fn from_code(code: u16) -> Option<ProtocolError> {
                match code { $($code => Some(ProtocolError::$name),)* _ => None }
            }

            /// A few words for people.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(ProtocolError::$name => $text,)* }
            }
        }
    };
}

protocol_errors! {
    /// The port serves another interface.
    WrongInterface = 0xff00, "the port serves another interface";
    /// The interface has no such method.
    UnknownMethod = 0xff01, "the interface has no such method";
    /// The arguments do not decode.
    BadArguments = 0xff02, "the arguments do not decode";
    /// The arguments are longer than the limit.
    ArgumentsTooLong = 0xff03, "the arguments are too long";
    /// A lease is missing, surplus, or does not allow the access.
    BadLease = 0xff04, "a lease is missing or of the wrong kind";
    /// A handle is missing, surplus, or of the wrong kind.
    BadHandle = 0xff05, "a handle is missing or of the wrong kind";
    /// The result does not fit in what the client lent for it.
    ResultTooLong = 0xff06, "the result does not fit";
    /// The server has no room to keep the call for later.
    NoRoom = 0xff07, "the server has no room to keep the call";
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text())
    }
}

impl core::error::Error for ProtocolError {}

/// Why a call brought no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallError<E> {
    /// The server died or closed its port before it replied.
    ServerDied,
    /// The kernel refused the call.
    Kernel(airox_abi::Error),
    /// The server could not accept the message.
    Protocol(ProtocolError),
    /// The reply does not decode.
    Decode,
    /// The server's own error.
    Service(E),
}

impl<E> CallError<E> {
    /// The server's own error, if it is one.
    pub fn service(self) -> Option<E> {
        match self {
            CallError::Service(error) => Some(error),
            _ => None,
        }
    }

    /// The same with another service error.
    pub fn map<F>(self, change: impl FnOnce(E) -> F) -> CallError<F> {
        match self {
            CallError::ServerDied => CallError::ServerDied,
            CallError::Kernel(error) => CallError::Kernel(error),
            CallError::Protocol(error) => CallError::Protocol(error),
            CallError::Decode => CallError::Decode,
            CallError::Service(error) => CallError::Service(change(error)),
        }
    }
}

impl<E> From<airox_abi::Error> for CallError<E> {
    fn from(error: airox_abi::Error) -> CallError<E> {
        match error {
            airox_abi::Error::ServerDied => CallError::ServerDied,
            other => CallError::Kernel(other),
        }
    }
}

impl<E: fmt::Display> fmt::Display for CallError<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::ServerDied => formatter.write_str("the server died"),
            CallError::Kernel(error) => error.fmt(formatter),
            CallError::Protocol(error) => error.fmt(formatter),
            CallError::Decode => formatter.write_str("the reply does not decode"),
            CallError::Service(error) => error.fmt(formatter),
        }
    }
}

impl<E: fmt::Display + fmt::Debug> core::error::Error for CallError<E> {}
