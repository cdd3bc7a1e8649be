//! The options of `run`: with which priority and processor time, and where.

use super::usage;
use crate::services::{Budget, Terms};
use crate::shell::Stop;
use crate::units::parse_span;
use alloc::format;
use alloc::string::String;

/// The terms at the front of the arguments, and what follows them.
pub fn parse_terms(mut arguments: &[String]) -> Result<(Terms, &[String]), Stop> {
    let mut terms = Terms::default();
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
            "--deadline" => terms.deadline_ns = Some(time(value)?),
            _ => return usage(format!("`{option}` is no option of `run`")),
        }
        arguments = rest;
    }
    Ok((terms, arguments))
}
