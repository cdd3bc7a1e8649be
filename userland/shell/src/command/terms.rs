//! The options of `run`: with which priority and processor time, where, and with which files.

use super::usage;
use crate::services::{Budget, FileGrant, Terms};
use crate::shell::Stop;
use crate::units::parse_span;
use airox_file_system::path::resolve;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// How a program is to run.
#[derive(Debug, Default)]
pub struct Launch {
    /// Its priority and processor time.
    pub terms: Terms,
    /// Its files, if not the usual ones.
    pub files: Option<Vec<FileGrant>>,
}

/// The options at the front of the arguments, and what follows them. Paths are meant from `directory`.
pub fn parse_terms<'a>(directory: &str, mut arguments: &'a [String]) -> Result<(Launch, &'a [String]), Stop> {
    let (mut terms, mut files) = (Terms::default(), None);
    while let [option, rest @ ..] = arguments {
        if !option.starts_with("--") {
            break;
        }
        let Some((value, rest)) = rest.split_first() else {
            return usage(format!("a value is missing after `{option}`"));
        };
        let time = |text: &str| parse_span(text).or_else(usage);
        match option.as_str() {
            "--priority" => match value.parse() {
                Ok(priority) => terms.priority = Some(priority),
                Err(_) => return usage(format!("`{value}` is no priority: 0 to 255")),
            },
            "--budget" => {
                let Some((budget, period)) = value.split_once('/') else {
                    return usage(format!("`{value}` is no budget; write for example 2ms/10ms"));
                };
                terms.budget = Some(Budget { time_ns: time(budget)?, period_ns: time(period)? });
            }
            "--processor" => match value.parse() {
                Ok(processor) => terms.processor = Some(processor),
                Err(_) => return usage(format!("`{value}` is no processor; they are numbered from 0")),
            },
            "--calls" => match value.parse() {
                Ok(calls) => terms.calls_per_job = Some(calls),
                Err(_) => return usage(format!("`{value}` is no number of calls")),
            },
            "--files" => {
                let files = files.get_or_insert_with(Vec::new);
                if value != "none" {
                    files.push(grant(directory, value)?);
                }
            }
            "--deadline" => terms.deadline_ns = Some(time(value)?),
            _ => return usage(format!("`{option}` is no option of `run`")),
        }
        arguments = rest;
    }
    Ok((Launch { terms, files }, arguments))
}

/// A path and what may be done there, as typed.
fn grant(directory: &str, text: &str) -> Result<FileGrant, Stop> {
    let (path, access) = text.rsplit_once(':').unwrap_or((text, "r"));
    let path = resolve(directory, path);
    let grant = path.and_then(|path| FileGrant::parse(&format!("{path}:{access}")));
    grant.or_else(|error| usage(format!("`{text}`: {error}; write PATH:r or PATH:rw")))
}
