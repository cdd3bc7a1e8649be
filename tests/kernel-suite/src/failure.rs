//! Why a test failed, and where: the same in the suite and in the processes it makes, without a heap.

use core::panic::Location;

use airox_abi::Error;
use airox_kernel_suite::text::Text;

/// A failed expectation.
pub struct Failure {
    location: &'static Location<'static>,
    text: Text<104>,
}

/// What every test and every child function returns.
pub type Outcome = Result<(), Failure>;

impl Failure {
    /// A failure at the caller's place.
    #[track_caller]
    pub fn new(text: core::fmt::Arguments<'_>) -> Failure {
        Failure { location: Location::caller(), text: Text::format(text) }
    }
}

impl From<Error> for Failure {
    #[track_caller]
    fn from(error: Error) -> Failure {
        Failure::new(format_args!("unexpected {error:?}: {error}"))
    }
}

impl core::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let file = self.location.file().rsplit('/').next().unwrap_or("");
        write!(formatter, "{} ({}:{})", self.text, file, self.location.line())
    }
}

/// Fails unless the condition holds.
macro_rules! check {
    ($condition:expr) => {
        if !$condition {
            return Err($crate::failure::Failure::new(format_args!(stringify!($condition))));
        }
    };
    ($condition:expr, $($format:tt)+) => {
        if !$condition {
            return Err($crate::failure::Failure::new(format_args!($($format)+)));
        }
    };
}

/// Fails unless both are equal.
macro_rules! check_equal {
    ($left:expr, $right:expr) => {
        match (&$left, &$right) {
            (left, right) => {
                if *left != *right {
                    return Err($crate::failure::Failure::new(format_args!(
                        "{} is {:?}, not {:?}",
                        stringify!($left),
                        left,
                        right
                    )));
                }
            }
        }
    };
}

/// Fails unless the call fails with exactly this error.
macro_rules! check_error {
    ($call:expr, $error:expr) => {
        match $call {
            Err(error) if error == $error => {}
            Err(error) => {
                return Err($crate::failure::Failure::new(format_args!(
                    "{} failed with {:?}, not {:?}",
                    stringify!($call),
                    error,
                    $error
                )));
            }
            Ok(_) => {
                return Err($crate::failure::Failure::new(format_args!(
                    "{} succeeded instead of {:?}",
                    stringify!($call),
                    $error
                )));
            }
        }
    };
}

pub(crate) use {check, check_equal, check_error};
