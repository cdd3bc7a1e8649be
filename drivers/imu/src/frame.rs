//! Requests and answers on the line (section 4.7).

/// First byte of every request.
const REQUEST: u8 = 0xaa;
/// Second byte of a request to write.
const WRITE: u8 = 0x00;
/// Second byte of a request to read.
const READ: u8 = 0x01;
/// First byte of an answer with data.
const DATA: u8 = 0xbb;
/// First byte of an answer with a status.
const STATUS: u8 = 0xee;
/// Most bytes that one request can read (section 4.7: 128).
const MAX_DATA: usize = 128;

/// What the chip is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// To set a register.
    Write {
        /// Which.
        register: u8,
        /// To what.
        value: u8,
    },
    /// To tell some registers in a row.
    Read {
        /// The first.
        register: u8,
        /// How many.
        count: u8,
    },
}

impl Request {
    /// Its bytes, and how many of them count.
    #[must_use]
    pub fn bytes(self) -> ([u8; 5], usize) {
        match self {
            Request::Write { register, value } => ([REQUEST, WRITE, register, 1, value], 5),
            Request::Read { register, count } => ([REQUEST, READ, register, count, 0], 4),
        }
    }
}

/// What the chip says about a request (section 4.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The register is written.
    Written,
    /// The chip is busy with its sensors; the same request works a little later.
    BusOverrun,
    /// The request, or what arrived of it, is refused, with this number.
    Refused(u8),
}

impl From<u8> for Status {
    fn from(code: u8) -> Status {
        match code {
            0x01 => Status::Written,
            0x07 => Status::BusOverrun,
            other => Status::Refused(other),
        }
    }
}

/// What a byte completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// Nothing yet.
    Nothing,
    /// A status.
    Status(Status),
    /// Registers.
    Data(&'a [u8]),
    /// The byte begins no answer, or is the length of none; told once for bytes in a row.
    Skipped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    /// Skipping what begins no answer.
    Noise,
    Status,
    Length,
    Data {
        length: usize,
        got: usize,
    },
}

/// Finds answers in a stream of bytes.
#[derive(Clone, Debug)]
pub struct Parser {
    state: State,
    data: [u8; MAX_DATA],
}

impl Default for Parser {
    fn default() -> Parser {
        Parser { state: State::Start, data: [0; MAX_DATA] }
    }
}

impl Parser {
    /// Forgets an answer that has begun.
    pub fn reset(&mut self) {
        self.state = State::Start;
    }

    /// Takes one byte.
    pub fn push(&mut self, byte: u8) -> Answer<'_> {
        match (self.state, byte) {
            (State::Start | State::Noise, DATA) => self.state = State::Length,
            (State::Start | State::Noise, STATUS) => self.state = State::Status,
            (State::Noise, _) => {}
            (State::Start, _) => {
                self.state = State::Noise;
                return Answer::Skipped;
            }
            (State::Status, code) => {
                self.state = State::Start;
                return Answer::Status(code.into());
            }
            (State::Length, length) if (1..=MAX_DATA).contains(&usize::from(length)) => {
                self.state = State::Data { length: length.into(), got: 0 };
            }
            (State::Length, _) => {
                self.state = State::Noise;
                return Answer::Skipped;
            }
            (State::Data { length, got }, byte) => {
                if let Some(place) = self.data.get_mut(got) {
                    *place = byte;
                }
                if got + 1 == length {
                    self.state = State::Start;
                    return Answer::Data(self.data.get(..length).unwrap_or(&[]));
                }
                self.state = State::Data { length, got: got + 1 };
            }
        }
        Answer::Nothing
    }
}
