//! Who calls whom: every interface used has exactly one provider, no circle, no call to a lower priority. From that
//! follows the order in which components start.

use airox_bundle::system::Use;

use crate::component::{ComponentManifest, NAME_LENGTH};
use crate::problem::{Kind, Problems};
use crate::reader::At;
use crate::source::Source;
use crate::system_file::Entry;

/// One component of a system with its manifest.
pub(crate) struct Member<'a> {
    pub entry: &'a Entry,
    pub manifest: &'a ComponentManifest,
}

impl Member<'_> {
    pub fn name(&self) -> &str {
        &self.entry.name.value
    }

    pub fn provides(&self, interface: &str) -> bool {
        self.manifest.provides.iter().any(|name| name.value == interface)
    }
}

/// For each member, the providers of what it uses, as indices.
pub(crate) type Providers = Vec<Vec<(String, usize)>>;

/// Finds every use's provider. What is used by name stands there under the whole of it (`sensor:gps0`).
pub(crate) fn resolve(members: &[Member<'_>], source: &Source, problems: &mut Problems) -> Providers {
    members
        .iter()
        .map(|member| {
            let mut uses = Vec::new();
            for (name, provider) in &member.entry.uses {
                match name.value.split_once(':') {
                    Some((interface, own)) if is_named(member, interface, own, name) => {
                        let found = chosen(members, interface, provider, source, problems);
                        uses.extend(found.map(|provider| (name.value.clone(), provider)));
                    }
                    None if member.manifest.uses.iter().any(|used| used.value == name.value) => {}
                    _ => {
                        let component = member.manifest.name();
                        let reason = format!("`{component}` does not use the interface `{}`", name.value);
                        problems.add(Kind::WrongProvider, source, &name.span, reason);
                    }
                }
            }
            for interface in &member.manifest.uses {
                let provider = provider(members, member, &interface.value, source, problems);
                uses.extend(provider.map(|provider| (interface.value.clone(), provider)));
            }
            uses
        })
        .collect()
}

/// Whether a component may use an interface under a name of its own, and this is one: of the letters that all names have.
fn is_named(member: &Member<'_>, interface: &str, own: &str, name: &At<String>) -> bool {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    let good = !own.is_empty() && own.bytes().all(allowed) && name.value.len() <= NAME_LENGTH;
    good && member.manifest.uses_named.iter().any(|used| used.value == interface)
}

/// The provider of an interface that the system file chooses.
fn chosen(
    members: &[Member<'_>],
    interface: &str,
    provider: &At<String>,
    source: &Source,
    problems: &mut Problems,
) -> Option<usize> {
    let found = members.iter().position(|member| member.name() == provider.value && member.provides(interface));
    if found.is_none() {
        let reason = format!("no component `{}` provides `{interface}`", provider.value);
        problems.add(Kind::WrongProvider, source, &provider.span, reason);
    }
    found
}

fn provider(
    members: &[Member<'_>],
    client: &Member<'_>,
    interface: &str,
    source: &Source,
    problems: &mut Problems,
) -> Option<usize> {
    if let Some((_, provider)) = client.entry.uses.iter().find(|(name, _)| name.value == interface) {
        return chosen(members, interface, provider, source, problems);
    }
    let providers: Vec<usize> = (0..members.len()).filter(|index| members[*index].provides(interface)).collect();
    match providers[..] {
        [only] => Some(only),
        [] => {
            let reason = format!("`{}` uses `{interface}`, which nobody provides", client.name());
            problems.add(Kind::UnresolvedInterface, source, &client.entry.span, reason);
            None
        }
        _ => {
            let names: Vec<&str> = providers.iter().map(|index| members[*index].name()).collect();
            let reason = format!(
                "`{}` uses `{interface}`, which {} provide; choose one with `uses`",
                client.name(),
                names.join(" and ")
            );
            problems.add(Kind::AmbiguousProvider, source, &client.entry.span, reason);
            None
        }
    }
}

/// Calls go to a server of higher or equal priority; otherwise a waiting caller would be held up by anything in between.
pub(crate) fn check_priorities(
    members: &[Member<'_>],
    providers: &Providers,
    source: &Source,
    problems: &mut Problems,
) {
    for (client, uses) in members.iter().zip(providers) {
        for (interface, provider) in uses {
            let server = &members[*provider];
            let (own, other) = (client.entry.priority.value, server.entry.priority.value);
            if other < own {
                let reason = format!(
                    "`{}` (priority {own}) would call `{}` (priority {other}) for `{interface}`",
                    client.name(),
                    server.name()
                );
                problems.add(Kind::CallToLowerPriority, source, &client.entry.priority.span, reason);
            }
        }
    }
}

/// Members in start order: providers first, else as the file lists them. A circle is reported once.
pub(crate) fn start_order(
    members: &[Member<'_>],
    providers: &Providers,
    source: &Source,
    problems: &mut Problems,
) -> Vec<usize> {
    let mut order = Vec::with_capacity(members.len());
    let mut left: Vec<usize> = (0..members.len()).collect();
    while !left.is_empty() {
        let is_ready = |member: &usize| providers[*member].iter().all(|(_, provider)| order.contains(provider));
        let Some(position) = left.iter().position(is_ready) else {
            report_circle(members, providers, &left, source, problems);
            return order;
        };
        order.push(left.remove(position));
    }
    order
}

/// Follows providers among those left until one comes again: that is the circle.
fn report_circle(
    members: &[Member<'_>],
    providers: &Providers,
    left: &[usize],
    source: &Source,
    problems: &mut Problems,
) {
    let mut path: Vec<usize> = Vec::new();
    let mut current = left[0];
    while !path.contains(&current) {
        path.push(current);
        let next = providers[current].iter().find(|(_, provider)| left.contains(provider));
        current = next.map_or(current, |(_, provider)| *provider);
    }
    let start = path.iter().position(|member| *member == current).unwrap_or(0);
    let circle = &path[start..];
    let mut names: Vec<&str> = circle.iter().map(|member| members[*member].name()).collect();
    names.push(members[current].name());
    let first = circle.iter().min().copied().unwrap_or(current);
    let reason = format!("components use each other in a circle: {}", names.join(" -> "));
    problems.add(Kind::DependencyCycle, source, &members[first].entry.span, reason);
}

/// The record's form of one member's uses.
pub(crate) fn uses(members: &[Member<'_>], providers: &[(String, usize)]) -> Vec<Use> {
    providers
        .iter()
        .map(|(interface, provider)| Use {
            interface: interface.clone(),
            provider: members[*provider].name().to_owned(),
        })
        .collect()
}
