//! The shell itself: reads lines, runs their steps, prints what went wrong.
//!
//! No error ends it. A command's failure is one line; a dead server likewise. A dead console is waited for, with a growing
//! pause between attempts, and the line being typed is shown again when it is back.

use crate::command;
use crate::editor::{Editor, Outcome};
use crate::nearest::nearest;
use crate::output::Output;
use crate::parse::{Step, parse};
use crate::services::Services;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// What the shell prints when it waits for a line.
pub const PROMPT: &str = "airox> ";

/// Most commands running inside each other (`source`, `repeat`, `time`), so that no script uses up the stack.
const MAX_DEPTH: usize = 16;
/// The key Ctrl-C, as a byte.
const CONTROL_C: u8 = 3;
const FIRST_PAUSE_NS: u64 = 20_000_000;
const LONGEST_PAUSE_NS: u64 = 2_000_000_000;

/// Why a command did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It failed: one sentence.
    Failed(String),
    /// It was called in a wrong way: what is wrong.
    Usage(String),
    /// It failed and has already said why.
    Silent,
    /// Ctrl-C.
    Interrupted,
    /// `exit`: leave the script, with this success.
    Exit(bool),
}

impl<T: Into<crate::services::Failure>> From<T> for Stop {
    fn from(failure: T) -> Stop {
        Stop::Failed(failure.into().to_string())
    }
}

/// How a command ended.
pub type Done = Result<(), Stop>;

/// See the module documentation.
pub struct Shell {
    /// The servers it uses.
    pub services: Services,
    /// The line editor, with the history.
    pub editor: Editor,
    /// Programs running in the background: number and name.
    pub background: Vec<(u32, String)>,
    /// Where paths begin that do not begin with a slash: a normal path.
    pub directory: String,
    /// Where entered lines are kept, if anywhere.
    pub(crate) history_file: Option<String>,
    /// Where what commands print goes, if not to the console.
    pub(crate) output: Option<Output>,
    /// Whether what commands print is dropped.
    pub quiet: bool,
    /// How many scripts are running inside each other.
    pub script_depth: usize,
    /// How many commands are running inside each other.
    depth: usize,
    /// Pause before the next attempt to reach a console that failed.
    pause_ns: u64,
}

impl Shell {
    /// A shell on these services.
    #[must_use]
    pub fn new(services: Services) -> Shell {
        Shell {
            services,
            editor: Editor::default(),
            background: Vec::new(),
            directory: "/".into(),
            history_file: None,
            output: None,
            quiet: false,
            script_depth: 0,
            depth: 0,
            pause_ns: FIRST_PAUSE_NS,
        }
    }

    /// Reads and runs lines for ever.
    pub fn run(&mut self) -> ! {
        loop {
            self.turn();
        }
    }

    /// One prompt, one line.
    pub fn turn(&mut self) {
        self.report_background();
        // A Ctrl-C that came before the prompt was meant for what ran then.
        self.services.host.interrupted();
        match self.read_line(PROMPT) {
            Outcome::Line(line) => {
                self.keep_line(&line);
                if self.run_line(&line) == Err(Stop::Interrupted) {
                    self.tell("^C\n");
                }
            }
            Outcome::EndOfInput => {
                self.tell("This console has only this shell. `poweroff` switches the machine off, `reboot` starts it again.\n");
            }
            Outcome::Cancelled | Outcome::Editing => {}
        }
    }

    /// Runs the steps of a line and prints the error that ends it.
    ///
    /// # Errors
    /// Why the last step that ran did not succeed; it has been printed.
    pub fn run_line(&mut self, line: &str) -> Done {
        let done = match parse(line) {
            Ok(steps) => return self.run_steps(&steps),
            Err(error) => Err(Stop::Failed(error.to_string())),
        };
        self.explain("shell", &done);
        done
    }

    fn run_steps(&mut self, steps: &[Step]) -> Done {
        let mut done = Ok(());
        for step in steps {
            if step.needs_success && done.is_err() {
                continue;
            }
            done = match &step.output {
                None => self.run_words(&step.words, step.background),
                Some(to) => self.run_into(to, &step.words, step.background),
            };
            self.explain(&step.words[0], &done);
            if matches!(done, Err(Stop::Interrupted | Stop::Exit(_))) {
                break;
            }
        }
        done
    }

    /// Runs one command, without printing its error.
    ///
    /// # Errors
    /// Why it did not succeed.
    pub fn run_words(&mut self, words: &[String], background: bool) -> Done {
        let Some((name, arguments)) = words.split_first() else {
            return Ok(());
        };
        let Some(command) = command::find(name) else {
            return Err(self.unknown(name));
        };
        if background && !command.background {
            return Err(Stop::Failed("only `run` works in the background (&)".into()));
        }
        // Further on it is for a command or program inside this one.
        if arguments.first().is_some_and(|first| first == "--help") {
            self.print(&command::help_text(command));
            return Ok(());
        }
        if self.depth >= MAX_DEPTH {
            return Err(Stop::Failed(format!("more than {MAX_DEPTH} commands or scripts inside each other")));
        }
        // The console may have been restarted since, without a call of this shell failing; Ctrl-C must work.
        self.prepare_console();
        self.depth += 1;
        let done = (command.run)(self, arguments, background);
        self.depth -= 1;
        done
    }

    fn unknown(&mut self, name: &str) -> Stop {
        let programs = self.services.processes.programs().unwrap_or_default();
        let hint = if programs.iter().any(|program| program == name) {
            format!("to start the program of this name: run {name}")
        } else if let Some(near) = nearest(name, command::names()) {
            format!("did you mean `{near}`?")
        } else if let Some(near) = nearest(name, programs.iter().map(String::as_str)) {
            format!("did you mean the program: run {near}?")
        } else {
            "`help` lists all commands".into()
        };
        Stop::Failed(format!("no such command; {hint}"))
    }

    /// Prints why a command did not succeed, to the console in any case. That it was interrupted is told once, before the next prompt.
    pub fn explain(&mut self, name: &str, done: &Done) {
        match done {
            Ok(()) | Err(Stop::Silent | Stop::Interrupted | Stop::Exit(_)) => {}
            Err(Stop::Failed(why)) => self.tell(&format!("{name}: {why}\n")),
            Err(Stop::Usage(why)) => {
                let usage = command::find(name)
                    .map_or_else(String::new, |command| format!("; usage: {} {}", command.name, command.usage));
                self.tell(&format!("{name}: {why}{}\n", usage.trim_end()));
            }
        }
    }

    /// Tells about background programs that have ended since the last prompt.
    fn report_background(&mut self) {
        if self.background.is_empty() {
            return;
        }
        // If the list cannot be had now, the next prompt asks again.
        let Ok(list) = self.services.processes.list() else {
            return;
        };
        let (running, ended) =
            core::mem::take(&mut self.background).into_iter().partition(|(id, _)| list.iter().any(|row| row.id == *id));
        self.background = running;
        for (id, name) in ended {
            let how = match self.services.processes.wait(id) {
                Ok(crate::services::Waited::Done(ending)) => command::describe(&ending),
                _ => "ended".into(),
            };
            self.tell(&format!("[{id}] {name} {how}\n"));
        }
    }

    /// Lets a person type a line behind `prompt`.
    ///
    /// Bytes are taken one by one, so that what was typed ahead for a program stays with the console.
    pub fn read_line(&mut self, prompt: &str) -> Outcome {
        self.prepare_console();
        let columns = self.columns();
        self.editor.begin(prompt, columns);
        loop {
            self.flush_editor();
            let mut byte = [0];
            match self.services.console.read(&mut byte) {
                // No mode that this shell sets ends the input; asking again is all there is to do.
                Ok(0) => self.console_failed(),
                Ok(_) => {
                    self.pause_ns = FIRST_PAUSE_NS;
                    if byte[0] == CONTROL_C {
                        // The same key as news: the editor does what it means. Any other news of Ctrl-C came too late for the
                        // editor and is for the commands of the line.
                        self.services.host.interrupted();
                    }
                    let mut editor = core::mem::take(&mut self.editor);
                    let outcome = editor.feed(byte[0], self);
                    self.editor = editor;
                    if outcome != Outcome::Editing {
                        self.flush_editor();
                        return outcome;
                    }
                }
                Err(_) => {
                    self.console_failed();
                    self.editor.show_again();
                }
            }
        }
    }

    fn flush_editor(&mut self) {
        let output = self.editor.take_output();
        if !output.is_empty() {
            self.tell(&output);
        }
    }

    /// Prints what a command has to say: to the console, or to the file that its output goes to.
    pub fn print(&mut self, text: &str) {
        match &mut self.output {
            _ if self.quiet => {}
            Some(output) => output.put(text),
            None => self.tell(text),
        }
    }

    /// Prints to the console; waits for a dead console to come back.
    pub fn tell(&mut self, text: &str) {
        while self.services.console.write(text).is_err() {
            self.console_failed();
        }
    }

    /// Width of the terminal.
    pub fn columns(&mut self) -> usize {
        self.services.console.columns().unwrap_or(80)
    }

    /// Sets the modes this shell needs: a console that was started anew, or used by a program, may have others.
    fn prepare_console(&mut self) {
        if self.services.console.reopen().is_err() {
            self.console_failed();
        }
    }

    /// After a failed call to the console: waits, longer each time until one succeeds, and prepares its next instance.
    fn console_failed(&mut self) {
        loop {
            // A dead console sends no Ctrl-C; an old one ends this pause early at most once.
            self.services.host.sleep(self.pause_ns);
            self.pause_ns = (self.pause_ns * 2).min(LONGEST_PAUSE_NS);
            if self.services.console.reopen().is_ok() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::Session;

    #[test]
    fn a_line_is_typed_and_run() {
        let mut session = Session::new();
        assert_eq!(session.typed("echo hi\n"), "airox> echo hi\r\nhi\n");
        assert_eq!(session.typed("\r"), "airox> \r\n");
    }

    #[test]
    fn parse_errors_are_sentences() {
        let mut session = Session::new();
        assert_eq!(session.line("echo 'a"), "shell: the quote ' in column 6 is never closed\n");
    }

    #[test]
    fn and_then_depends_on_success() {
        let mut session = Session::new();
        assert_eq!(session.line("kill x && echo a; echo b"), "kill: x: no such process\nb\n");
        assert_eq!(session.line("kill x && echo a && echo b"), "kill: x: no such process\n");
    }

    #[test]
    fn end_of_input_and_control_c_do_not_end_the_shell() {
        let mut session = Session::new();
        assert!(session.typed("\x04").contains("`poweroff`"));
        assert_eq!(session.typed("abc\x03"), "airox> abc^C\r\n");
    }

    #[test]
    fn control_c_right_after_enter_is_for_the_command() {
        let mut session = Session::new();
        session.world().interrupt_with_key = Some(b'\r');
        assert!(session.typed("sleep 5\r").ends_with("\r\n^C\n"));
        assert_eq!(session.world().slept, []);
        assert!(session.typed("source here\r").ends_with("\n^C\n"));
        // While a line is edited it is the editor's alone.
        session.world().interrupt_with_key = Some(3);
        session.typed("\x12old\x03sleep 5\r");
        assert_eq!(session.world().slept, [5_000_000_000]);
    }

    #[test]
    fn a_dead_console_is_waited_for_with_growing_pauses() {
        let mut session = Session::new();
        session.world().failing_writes = 1;
        session.world().failing_reopens = 10;
        session.shell.print("hello\n");
        assert_eq!(session.world().output, "hello\n");
        let slept = core::mem::take(&mut session.world().slept);
        assert_eq!(slept.len(), 11);
        assert_eq!(slept[..3], [20_000_000, 40_000_000, 80_000_000]);
        assert_eq!(slept[10], LONGEST_PAUSE_NS);
    }

    #[test]
    fn a_console_that_comes_back_shows_the_line_again() {
        let mut session = Session::new();
        session.world().failing_reads = 1;
        assert_eq!(session.typed("uptime\r"), "airox> airox> uptime\r\nup 1.0 ms\n");
        // The next failure starts with a short pause again.
        session.world().failing_reads = 1;
        session.typed("\r");
        assert_eq!(session.world().slept, [20_000_000, 20_000_000]);
    }
}
