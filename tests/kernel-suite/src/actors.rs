//! What the child processes of several tests do.

use airox_abi::message::Extension;
use airox_abi::{Error, SystemCall};

use crate::block::Block;
use crate::failure::{Outcome, check_equal};
use crate::kernel::{self, Message};

/// Argument 0 of all actors: their port.
pub const PORT: usize = 0;
/// Label that asks an [`echo_server`] to end.
pub const STOP: u16 = 0xdead;

/// Answers every call with the same words, each plus one, and the same label; leaves the last badge and tag in
/// results 0 and 1.
pub fn echo_server(block: &Block) -> Outcome {
    let port = block.handle(PORT);
    let mut message = kernel::receive(port)?;
    loop {
        block.set_result(0, message.badge);
        block.set_result(1, message.tag.0);
        for word in &mut message.words {
            *word = word.wrapping_add(1);
        }
        if message.tag.label() == STOP {
            return Ok(kernel::reply(airox_abi::Handle::NONE, &message)?);
        }
        message = kernel::reply_receive(port, &message)?;
    }
}

/// Calls once with words 10 to 17 and the tag in argument 1; leaves the error code in result 0, the reply's first word in result 1.
pub fn client(block: &Block) -> Outcome {
    let mut message = Message::new(0);
    message.tag.0 = block.argument(1);
    for (word, value) in message.words.iter_mut().zip(10..) {
        *word = value;
    }
    let mut extension = Extension::default();
    let result = kernel::exchange(SystemCall::Call, block.handle(PORT), &message, Some(&mut extension));
    block.set_result(0, code(&result));
    block.set_result(1, result.map_or(0, |reply| reply.words[0]));
    Ok(())
}

/// Calls as often as argument 1 says and expects each word plus one.
pub fn busy_client(block: &Block) -> Outcome {
    for count in 0..block.argument(1) {
        let reply = kernel::send(block.handle(PORT), &Message::word(1, count))?;
        check_equal!(reply.words[0], count + 1);
        block.set_result(0, count + 1);
    }
    Ok(())
}

/// Waits for ever.
pub fn sleeper(_: &Block) -> Outcome {
    let signal = kernel::signal_create(airox_abi::Handle::NONE)?;
    kernel::wait(signal.get(), 1)?;
    Ok(())
}

/// Runs for ever.
pub fn hog(block: &Block) -> Outcome {
    let mut count = 0u64;
    loop {
        count += 1;
        block.set_result(0, count);
    }
}

/// 0 for success, else the error's code.
pub fn code<T>(result: &Result<T, Error>) -> u64 {
    match result {
        Ok(_) => 0,
        Err(error) => *error as u64,
    }
}
