//! The client's side of a call.

use super::{
    CallError, Encoded, IN_LEASE, INLINE_BYTES, Interface, ProtocolError, STATUS_ERROR, STATUS_OK, bytes_of, decode,
    encode, request_tag,
};
use airox_abi::message::{HandleTransfer, MAX_HANDLES, MAX_LEASES, Tag, WORDS};
use airox_abi::{Error, Handle};
use airox_sys::call::Lend;
use airox_sys::{AnyHandle, Port, TypedHandle, call};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What carries a client's calls: a port, or a test's stand-in.
pub trait Transport {
    /// A call in registers only.
    fn call(&self, tag: Tag, words: [u64; WORDS]) -> Result<(Tag, [u64; WORDS]), Error>;

    /// A call with handles and leases, whose reply may bring handles.
    fn call_with(
        &self,
        tag: Tag,
        words: [u64; WORDS],
        handles: &[HandleTransfer],
        lends: &mut [Lend<'_>],
    ) -> Result<(Tag, [u64; WORDS], ReceivedHandles), Error>;
}

impl Transport for Port {
    #[inline]
    fn call(&self, tag: Tag, words: [u64; WORDS]) -> Result<(Tag, [u64; WORDS]), Error> {
        let received = call::call(self.raw(), tag, words)?;
        Ok((received.tag, received.words))
    }

    fn call_with(
        &self,
        tag: Tag,
        words: [u64; WORDS],
        handles: &[HandleTransfer],
        lends: &mut [Lend<'_>],
    ) -> Result<(Tag, [u64; WORDS], ReceivedHandles), Error> {
        let (received, handles) = call::call_lend(self.raw(), tag, words, handles, lends)?;
        let handles = ReceivedHandles::new(handles, received.tag.handles());
        Ok((received.tag, received.words, handles))
    }
}

impl<T: Transport> Transport for &T {
    #[inline]
    fn call(&self, tag: Tag, words: [u64; WORDS]) -> Result<(Tag, [u64; WORDS]), Error> {
        T::call(self, tag, words)
    }

    fn call_with(
        &self,
        tag: Tag,
        words: [u64; WORDS],
        handles: &[HandleTransfer],
        lends: &mut [Lend<'_>],
    ) -> Result<(Tag, [u64; WORDS], ReceivedHandles), Error> {
        T::call_with(self, tag, words, handles, lends)
    }
}

/// A generated client over a port.
pub trait Client {
    /// The interface it calls.
    type Interface: Interface;

    /// A client that calls through this port.
    fn from_port(port: Port) -> Self;
}

/// Handles that came with a message. Those not taken are closed.
#[derive(Debug, Default)]
pub struct ReceivedHandles([Option<AnyHandle>; MAX_HANDLES]);

impl ReceivedHandles {
    /// The first `count` of `handles`.
    #[must_use]
    pub fn new(handles: [Handle; MAX_HANDLES], count: usize) -> ReceivedHandles {
        let mut received = ReceivedHandles::default();
        for (slot, handle) in received.0.iter_mut().zip(handles).take(count) {
            *slot = Some(AnyHandle::from_raw(handle));
        }
        received
    }

    /// Takes the handle at a place.
    pub fn take(&mut self, index: usize) -> Option<AnyHandle> {
        self.0.get_mut(index)?.take()
    }

    /// How many are there still.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().flatten().count()
    }

    /// Whether none is there any more.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the handle at a place as a typed one. The kernel checks its kind at each use.
    pub fn typed<H: TypedHandle, E>(&mut self, index: usize) -> Result<H, CallError<E>> {
        let handle = self.take(index).ok_or(CallError::Decode)?;
        Ok(H::from_raw(handle.into_raw()))
    }
}

/// Makes a call and decodes its result. `lends` are the method's own leases, at most two of them; `reply_bytes` is the size
/// of the buffer lent for the result, 0 for none. The handles that came back are the result's second part.
#[inline]
pub fn invoke<A, T, E>(
    transport: &impl Transport,
    (interface, method): (u32, u16),
    arguments: &A,
    handles: &[HandleTransfer],
    lends: &mut [Option<Lend<'_>>],
    (reply_bytes, reply_handles): (usize, usize),
) -> Result<(T, ReceivedHandles), CallError<E>>
where
    A: Serialize,
    T: DeserializeOwned,
    E: DeserializeOwned,
{
    let encoded = encode(arguments).ok_or(CallError::Protocol(ProtocolError::BadArguments))?;
    let tag = request_tag(interface, method, encoded.length_code());
    match encoded {
        Encoded::Inline(words, _)
            if handles.is_empty() && lends.is_empty() && reply_bytes == 0 && reply_handles == 0 =>
        {
            let (tag, words) = transport.call(tag, words)?;
            finish(tag, &words, &[]).map(|value| (value, ReceivedHandles::default()))
        }
        encoded => {
            let mut buffer = alloc::vec![0; reply_bytes];
            let (tag, words, received) = call_slowly(transport, tag, &encoded, handles, lends, &mut buffer)?;
            if received.len() != if tag.label() == STATUS_OK { reply_handles } else { 0 } {
                return Err(CallError::Decode);
            }
            finish(tag, &words, &buffer).map(|value| (value, received))
        }
    }
}

/// Puts the leases in their order and calls.
fn call_slowly(
    transport: &impl Transport,
    tag: Tag,
    encoded: &Encoded,
    handles: &[HandleTransfer],
    lends: &mut [Option<Lend<'_>>],
    buffer: &mut [u8],
) -> Result<(Tag, [u64; WORDS], ReceivedHandles), Error> {
    let mut all = [const { Lend::Read(&[]) }; MAX_LEASES];
    let mut count = 0;
    let mut words = [0; WORDS];
    match encoded {
        Encoded::Inline(inline, _) => words = *inline,
        Encoded::Heap(bytes) => {
            all[count] = Lend::Read(bytes);
            count += 1;
        }
    }
    if !buffer.is_empty() {
        all[count] = Lend::Write(buffer);
        count += 1;
    }
    for lend in lends.iter_mut() {
        all[count] = lend.take().unwrap_or(Lend::Read(&[]));
        count += 1;
    }
    transport.call_with(tag, words, handles, &mut all[..count])
}

/// Decodes a reply; `buffer` is what was lent for it.
#[inline]
fn finish<T: DeserializeOwned, E: DeserializeOwned>(
    tag: Tag,
    words: &[u64; WORDS],
    buffer: &[u8],
) -> Result<T, CallError<E>> {
    let inline = bytes_of(words);
    let bytes = match tag.user() & 0xff {
        IN_LEASE => usize::try_from(words[0]).ok().and_then(|length| buffer.get(..length)).ok_or(CallError::Decode)?,
        length if length as usize <= INLINE_BYTES => &inline[..length as usize],
        _ => return Err(CallError::Decode),
    };
    match tag.label() {
        STATUS_OK => decode(bytes).ok_or(CallError::Decode),
        STATUS_ERROR => Err(decode(bytes).map_or(CallError::Decode, CallError::Service)),
        label => Err(ProtocolError::from_code(label).map_or(CallError::Decode, CallError::Protocol)),
    }
}
