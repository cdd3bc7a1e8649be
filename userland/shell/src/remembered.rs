//! What a shell finds again when it is started anew: the lines typed before, and the script that it runs first.
//!
//! Lines are in a file of each shell, to which every line is added when it is entered. Without a place for files, or if that fails, nothing is
//! remembered, and nobody is bothered with it.

use crate::history::MAX_LINES;
use crate::services::{Access, Create, FileAnswer, Files, How};
use crate::shell::Shell;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

/// The directory of the files of shells.
const DIRECTORY: &str = "/data/shell";
/// How many lines are remembered, and the script: settings.
const LINES: &str = "/config/shell/history-lines";
const SCRIPT: &str = "/config/boot/script";
/// Most bytes of a setting.
const SETTING: usize = 256;
/// Most bytes of the file that are read. It is cut down when it is found longer than half of that.
const MOST: usize = 64 << 10;

/// Reads a small file.
fn read(files: &mut dyn Files, path: &str, most: usize) -> FileAnswer<Vec<u8>> {
    let mut bytes = vec![0; most];
    let length = files.open(path, How::READ)?.read(0, &mut bytes)?;
    bytes.truncate(length);
    Ok(bytes)
}

/// A setting, if there are settings and it is not empty.
fn setting(files: &mut dyn Files, path: &str) -> Option<String> {
    let bytes = read(files, path, SETTING).ok()?;
    let text = core::str::from_utf8(&bytes).ok()?.trim();
    (!text.is_empty()).then(|| text.to_string())
}

impl Shell {
    /// Takes up what an earlier shell of this name left.
    pub fn remember(&mut self, name: &str) {
        let Some(files) = &mut self.services.files else { return };
        let most = setting(&mut **files, LINES).and_then(|lines| lines.parse().ok()).unwrap_or(MAX_LINES);
        if most == 0 || files.stat("/data").is_err() {
            return;
        }
        let path = format!("{DIRECTORY}/{name}.history");
        // It may be there.
        let _ = files.make_directory(DIRECTORY);
        if let Ok(bytes) = read(&mut **files, &path, MOST) {
            let text = String::from_utf8_lossy(&bytes);
            let lines: Vec<&str> = text.lines().collect();
            let lines = &lines[lines.len().saturating_sub(most)..];
            lines.iter().for_each(|line| self.editor.history.push(line));
            if bytes.len() > MOST / 2 {
                let new = format!("{path}.new");
                let written = files.open(&new, How::CREATE).and_then(|mut file| {
                    file.write(0, lines.iter().flat_map(|line| [line, "\n"]).collect::<String>().as_bytes())
                });
                // What could not be cut down is cut down next time.
                let _ = written.and_then(|()| files.rename(&new, &path));
            }
        }
        self.history_file = Some(path);
    }

    /// Adds a line to the file.
    pub(crate) fn keep_line(&mut self, line: &str) {
        let (Some(path), Some(files)) = (&self.history_file, &mut self.services.files) else { return };
        if line.trim().is_empty() {
            return;
        }
        let how = How { access: Access::Write, create: Create::IfMissing, truncate: false };
        let line = format!("{line}\n");
        let _not_remembered = files.open(path, how).and_then(|mut file| file.append(line.as_bytes()));
    }

    /// Runs the script that the settings name, if they do.
    pub fn run_first_script(&mut self) {
        let script = self.services.files.as_mut().and_then(|files| setting(&mut **files, SCRIPT));
        if let Some(script) = script {
            // What went wrong has been printed.
            let _ = self.run_line(&format!("source {script}"));
        }
    }
}
