//! Every register a system call reads or writes.

use airox_abi::SystemCall;
use airox_abi::message::WORDS;

/// The registers at a `syscall`, before and after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct EntryRegisters {
    /// `rax`: number, then error code.
    pub rax: u64,
    /// `rdi`: first argument, then first result or badge.
    pub rdi: u64,
    /// `rsi rdx r8 r9 r10 r12 r13 r14`: arguments or message words, then results.
    pub words: [u64; WORDS],
    /// `r15`: message tag.
    pub tag: u64,
    /// `rbx`: address of the message extension.
    pub extension: u64,
}

impl EntryRegisters {
    /// A call with these arguments (at most nine) and no message tag.
    #[must_use]
    pub fn call(call: SystemCall, arguments: &[u64]) -> EntryRegisters {
        let mut registers = EntryRegisters { rax: call as u64, ..EntryRegisters::default() };
        if let [first, rest @ ..] = arguments {
            registers.rdi = *first;
            for (word, argument) in registers.words.iter_mut().zip(rest) {
                *word = *argument;
            }
        }
        registers
    }

    /// Replaces one argument, counted from 0; arguments past the ninth do not exist.
    pub fn set_argument(&mut self, position: usize, value: u64) {
        if position == 0 {
            self.rdi = value;
        } else if let Some(word) = self.words.get_mut(position - 1) {
            *word = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_go_where_the_contract_says() {
        let mut registers = EntryRegisters::call(SystemCall::HandleCopy, &[1, 2, 3]);
        assert_eq!(registers.rax, SystemCall::HandleCopy as u64);
        assert_eq!((registers.rdi, registers.words[0], registers.words[1]), (1, 2, 3));
        registers.set_argument(0, 9);
        registers.set_argument(8, 8);
        registers.set_argument(9, 7);
        assert_eq!((registers.rdi, registers.words[7]), (9, 8));
        assert_eq!(EntryRegisters::call(SystemCall::Null, &[]).rdi, 0);
    }
}
